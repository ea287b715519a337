import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const program = join(__dirname, '..', '..', 'dist', 'cli.js')
const directory = mkdtempSync(join(tmpdir(), 'pg-thaw-replay-'))
afterAll(() => rmSync(directory, { recursive: true }))

const NOON = Date.UTC(2026, 10, 27, 12)

/** A timer of ten seconds, for an hour. */
const timer = Array.from({ length: 360 }, (_, n) => `${NOON + n * 10_000},12`).join('\n')

function file(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

function replay(args: readonly string[], input = '') {
  return spawnSync(process.execPath, [program, 'replay', ...args], { encoding: 'utf8', input })
}

describe('npx pg-thaw replay calls.csv', () => {
  const calls = file('calls.csv', `timestamp,duration\n${timer}\n`)

  it('compares what keeping connections would cost and save', () => {
    const { status, stdout, stderr } = replay([calls])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^360 calls in 1 h 0 min: 1 environment, at most 1 at once\n/)
    expect(stdout).toMatch(/^pooling: 'never' +359 \(100 %\) +0\.00 +\d\.\d\d$/m)
    expect(stdout).toMatch(/^pooling: 'auto' +1 \(0 %\) +1\.00 +1\.0\d$/m)
    expect(stdout).toContain('What fits: leave `min`, `pooling` and `leaseMillis` out.')
  })

  it('reads standard input too, and tells programs the same as JSON', () => {
    const { status, stdout } = replay(['-', '--json'], readFileSync(calls, 'utf8'))
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ calls: 360, functions: 1, passedOver: 0 })
  })

  it('draws idle sessions over time', () => {
    const picture = join(directory, 'sessions.svg')
    expect(replay([calls, '--plot', picture]).status).toBe(0)
    expect(readFileSync(picture, 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
  })

  it('comes to the same each time, and by another price to something else', () => {
    expect(replay([calls]).stdout).toBe(replay([calls]).stdout)
    expect(replay([calls, '--connect', '1']).stdout).toContain("What fits: `pooling: 'never'` costs 1.00 against")
  })

  it.each([
    ['no file', [], 'Expected one file, got 0'],
    ['a file that is not there', [join(directory, 'none.csv')], 'none.csv: ENOENT'],
    ['a directory', [directory], 'EISDIR'],
    [
      'no times',
      [file('untimed.csv', 'duration\n1\n')],
      'Expected a column `timestamp` in the first row, got `duration`',
    ],
    [
      'a file of secrets, which it does not quote',
      [file('secrets.env', 'PGPASSWORD=hunter2\nPGUSER=app\n')],
      'Expected a column `timestamp` in the first row, got … (',
    ],
    ['an unknown option', [calls, '--lease', '3'], "Unknown option '--lease'"],
    ['a price that is none', [calls, '--connect', 'much'], 'Expected --connect to be from 0.001 to 86400, got much'],
    ['a picture that cannot be written', [calls, '--plot', directory], 'Expected --plot to be a file, got'],
  ])('refuses %s in a line, and ends with 2', (_what, args, text) => {
    const { status, stdout, stderr } = replay(args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(text)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })
})
