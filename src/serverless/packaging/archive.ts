import { writeFileSync } from 'node:fs'
import AdmZip from 'adm-zip'

/** The first moment that a zip can name, so that it is the same byte for byte whenever it is made. */
const TIME = new Date(1980, 0, 1)
/** A file that anybody may read: Lambda's user is not the one who packaged it. */
const MODE = 0o100644
/** By version 2.0 on Unix, wherever it is: else the mode would mean nothing. */
const MADE_BY = 0x0314

/** A finished zip. What is in it keeps its order, its modes and the bytes that it was compressed to. */
export class Archive {
  readonly #path: string
  readonly #zip: AdmZip

  /** @throws Error if there is no zip, or one that can't be written again. */
  constructor(path: string) {
    this.#path = path
    this.#zip = new AdmZip(path, { noSort: true, readEntries: true })
  }

  holds(place: string): boolean {
    return this.#zip.getEntry(place) !== null
  }

  /** Adds files by their places, or replaces those of other content, and writes the zip unless it has them all. */
  add(files: ReadonlyMap<string, Buffer>): void {
    const missing = [...files].filter(([place, content]) => !this.#zip.getEntry(place)?.getData().equals(content))
    if (missing.length === 0) return
    for (const [place, content] of missing) {
      const { header } = this.#zip.addFile(place, content, '', MODE)
      header.time = TIME
      header.made = MADE_BY
    }
    writeFileSync(this.#path, this.#zip.toBuffer())
  }
}
