import { readFileSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'

/** What a zip says of one of its files. */
export interface ArchivedFile {
  /** With the file's type; 0 where the zip does not say it. */
  readonly mode: number
  readonly isCompressed: boolean
  /** As they are in the zip. */
  readonly bytes: Buffer
}

/** The entries of a zip, by name and in their order, read from its central directory. Enough for what is below 4 GB. */
export function readEntries(path: string): Map<string, ArchivedFile> {
  const zip = readFileSync(path)
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  const entries = new Map<string, ArchivedFile>()
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const isCompressed = zip.readUInt16LE(at + 10) !== 0
    const size = zip.readUInt32LE(at + 20)
    const nameLength = zip.readUInt16LE(at + 28)
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength)
    const mode = zip.readUInt8(at + 5) === 3 ? zip.readUInt16LE(at + 40) : 0
    const local = zip.readUInt32LE(at + 42)
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    entries.set(name, { mode, isCompressed, bytes: zip.subarray(start, start + size) })
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return entries
}

/** The contents of a zip's files, by name; folders have entries of their own in some, which are left out. */
export function readZip(path: string): Map<string, Buffer> {
  const files = [...readEntries(path)].filter(([name]) => !name.endsWith('/'))
  return new Map(
    files.map(([name, { isCompressed, bytes }]) => [name, isCompressed ? inflateRawSync(bytes) : bytes] as const),
  )
}
