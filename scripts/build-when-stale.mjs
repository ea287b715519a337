// Builds dist/ where something in src/ is newer: for programs and tests that run what is built.
import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const isStale = () => modifiedAt(join('dist', 'index.js')) < newestIn('src')

if (isStale()) {
  try {
    execFileSync(process.execPath, [join('scripts', 'build.mjs')], { stdio: ['ignore', 'inherit', 'inherit'] })
  } catch (error) {
    // The types come last, and have a check of their own: whoever runs the code needs no more.
    if (isStale()) throw error
  }
}

function newestIn(directory) {
  const entries = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  return Math.max(...entries.map((entry) => modifiedAt(join(directory, entry))))
}

function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY
}
