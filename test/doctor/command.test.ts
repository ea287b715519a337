import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database'

const program = join(__dirname, '..', '..', 'dist', 'cli.js')
const PASSWORD = 'p%/w?'

let database: TestDatabase
let url: string

beforeAll(async () => {
  database = await createDatabase()
  const { host, port, database: name } = database.config
  const role = `doctor_${name}`
  await database.admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`)
  url = `postgres://${role}:${encodeURIComponent(PASSWORD)}@${host}:${port}/${name}`
})
afterAll(async () => {
  await database.admin.query(`DROP ROLE doctor_${database.config.database}`)
  await database.dispose()
})

function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { PATH = '' } = process.env
  return spawnSync(process.execPath, [program, 'doctor', ...args], { encoding: 'utf8', env: { PATH, ...env } })
}

describe('npx pg-thaw doctor "$DATABASE_URL"', () => {
  it('says what it found and what to set, and ends with 0', () => {
    const { status, stdout, stderr } = doctor([url])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^doctor_\w+@127\.0\.0\.1:\d+\/\w+\n\n/)
    expect(stdout).toMatch(/^ok +sign-in +doctor_\w+: SCRAM-SHA-256/m)
    expect(stdout).not.toContain('What to set')
  })

  it.each([
    ['DATABASE_URL', () => ({ DATABASE_URL: url })],
    [
      'PGHOST and its kin',
      () => {
        const { hostname, port, username, pathname } = new URL(url)
        return { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: PASSWORD, PGDATABASE: pathname.slice(1) }
      },
    ],
  ])('finds the database by %s', (_how, variables) => {
    expect(doctor([], variables())).toMatchObject({ status: 0, stderr: '' })
  })

  it('tells programs the same as JSON', () => {
    const { status, stdout } = doctor([url, '--json'])
    expect(status).toBe(0)
    const found = JSON.parse(stdout)
    expect(found).toMatchObject({ severity: 'note', observed: { method: 'scram-sha-256', iterations: 4096 } })
    expect(found.findings.map(({ topic }: { topic: string }) => topic)).toContain('lease')
  })

  it('ends with 1 where something is to be set right', async () => {
    const left = new Client({ connectionString: url, application_name: 'orders' })
    await left.connect()
    const { status, stdout } = doctor([url, '--idle', '0'])
    await left.end()
    expect(status).toBe(1)
    expect(stdout).toMatch(/^WARNING +leftovers +idle for more than 0 s: .*1 of orders/m)
  })

  it('ends with 3 where nothing could work', () => {
    const { status, stdout } = doctor([url.replace(encodeURIComponent(PASSWORD), 'wrong')])
    expect(status).toBe(3)
    expect(stdout).toMatch(/^ERROR +sign-in +.*28P01/m)
    expect(stdout).not.toContain('createPool')
  })

  it.each([
    ['no URL', ['http://me:hush@localhost/'], 'Expected URL to be postgres://USER:PASSWORD@HOST:PORT/DATABASE'],
    [
      'a URL that is broken',
      ['postgres://me:hush@local host:x/'],
      'Expected URL to be postgres://USER:PASSWORD@HOST:PORT/DATABASE',
    ],
    ['a password with a question mark', ['postgres://me:1?hush@localhost/db'], 'in USER and PASSWORD %2F for /'],
    ['no database', [], 'Which database? Expected URL to be'],
    [
      'a file of authorities that is not there',
      ['postgres://me:hush@127.0.0.1:1/db?sslmode=verify-full&sslrootcert=/none'],
      'ENOENT',
    ],
    ['a password with a slash', ['postgres://me:1/hush@localhost/db'], 'in USER and PASSWORD %2F for /'],
    ['a password with an @ and a slash', ['postgres://me:a@1/hush@localhost/db'], 'and %40 for @'],
    ['a password with an @ and a #', ['postgres://me:a@1#hush@localhost/db'], 'and %40 for @'],
    ['two', ['postgres://a/b', 'postgres://a/c'], 'Expected one URL, got 2 arguments'],
    ['an unknown option', ['--fix'], "Unknown option '--fix'"],
    ['a time that is none', ['--timeout', 'soon'], 'Expected --timeout to be from 0.1 to 900, got soon'],
    ['an option of a pool that can not be', ['postgres://a/b?target_session_attrs=best'], '`target_session_attrs`'],
  ])('refuses %s in a line, and ends with 2', (_what, args, text) => {
    const { status, stdout, stderr } = doctor(args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(text)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).not.toContain('hush')
  })

  it('shows no password, whatever becomes of it', () => {
    for (const args of [[url], [url, '--json'], [`${url}x`], [url.replace('postgres:', 'http:')]]) {
      const { stdout, stderr } = doctor(args)
      for (const text of [PASSWORD, encodeURIComponent(PASSWORD)]) expect(stdout + stderr).not.toContain(text)
    }
  })
})
