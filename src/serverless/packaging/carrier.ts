import { Archive } from './archive.js'
import type { DeployedFunction } from './deployed.js'
import { contentOf, type OwnFile } from './own-file.js'

/** What functions get a file from: their zip, or nothing. */
export interface Carrier {
  /** Why a file can't be in it. */
  whyNot(file: OwnFile): string | undefined
  /** Puts files in that can be. */
  add(files: readonly OwnFile[]): void
}

const nothing = () => {}

/** Nothing can be put in, for one reason. */
export function noCarrier(why: string): Carrier {
  return { whyNot: () => why, add: nothing }
}

/** A zip that was just built. */
export function builtZip(path: string, shown: string): Carrier {
  const archive = open(path)
  if (archive === undefined) return noCarrier(`${shown} can't be read`)
  return {
    whyNot: () => undefined,
    add: (files) => archive.add(new Map(files.map((file) => [file.place, contentOf(file)]))),
  }
}

/** A zip that was made elsewhere: it has what it has. */
export function readyZip(path: string, shown: string): Carrier {
  const archive = open(path)
  if (archive === undefined) return noCarrier(`${shown} can't be read`)
  return {
    whyNot: ({ place }) => (archive.holds(place) ? undefined : `${shown} is a ready package without ${place}`),
    add: nothing,
  }
}

/** The code on Lambda, where it is left as it is. */
export function keptCode({ loads }: DeployedFunction): Carrier {
  return {
    whyNot: (file) =>
      loads.some(({ place }) => place === file.place)
        ? undefined
        : `--update-config leaves the code without ${file.place}`,
    add: nothing,
  }
}

function open(path: string): Archive | undefined {
  try {
    return new Archive(path)
  } catch {
    return undefined
  }
}
