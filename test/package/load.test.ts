import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)

/** What `require('pg-thaw')` loads on top of pg: files, as paths from here, and what its own file asks for by name. */
async function loadedBy(entry: string): Promise<{ files: string[]; asked: string[] }> {
  const program = `
    const { relative } = require('node:path')
    const Module = require('node:module')
    require('pg')
    const before = new Set(Object.keys(require.cache))
    const asked = new Set()
    const load = Module._load
    Module._load = function (request, parent, ...rest) {
      if (parent && !before.has(parent.filename) && parent.filename.includes('dist')) asked.add(request)
      return load.call(this, request, parent, ...rest)
    }
    require('${entry}')
    const files = Object.keys(require.cache).filter((file) => !before.has(file)).map((file) => relative('.', file))
    console.log(JSON.stringify({ files: files.sort(), asked: [...asked].sort() }))`
  const { stdout } = await run(process.execPath, ['--input-type=commonjs', '--eval', program], { timeout: 15_000 })
  return JSON.parse(stdout)
}

describe('loading', () => {
  it('the library takes one file beside pg, and no more of Node.js than it needs', async () => {
    expect(await loadedBy('pg-thaw')).toEqual({
      files: ['dist/index.js'],
      asked: [
        'node:async_hooks',
        'node:crypto',
        'node:diagnostics_channel',
        // pg has loaded these three already.
        'node:fs',
        'node:net',
        'node:tls',
        'node:util',
        'pg',
      ],
    })
  })

  it('its test tools takes neither the library nor pg', async () => {
    const { files, asked } = await loadedBy('pg-thaw/testing')
    expect(files).toEqual(['dist/testing/index.js'])
    expect(asked.filter((name) => !name.startsWith('node:'))).toEqual([])
  })
})
