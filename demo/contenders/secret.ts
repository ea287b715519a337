import { readFileSync } from 'node:fs'

/** The password of this moment. A file stands for the service that keeps secrets. */
export function readPassword(): string {
  return readFileSync(process.env.SECRET_FILE ?? '', 'utf8')
}
