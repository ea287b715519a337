import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface, type Interface } from 'node:readline'
import { afterEach, describe, expect, it } from 'vitest'
import { startLocalService } from '../../infra/local/service'
import { Listener } from './support/events'

const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** Starts the program as `npm run local` does. */
function start(...args: string[]): { child: ChildProcess; lines: Interface; output: () => string } {
  const child = spawn(process.execPath, ['--import', 'tsx', 'infra/local/main.ts', ...args])
  children.push(child)
  let output = ''
  const lines = createInterface({ input: child.stdout })
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  return { child, lines, output: () => output }
}

async function addressIn(lines: Interface): Promise<string> {
  for await (const line of lines) {
    const [url] = /http:\/\/localhost:\d+/.exec(line) ?? []
    if (url !== undefined) return url
  }
  throw new Error('It ended before it said where it is')
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('npm run local', () => {
  it('says where it is, serves, and leaves no process when it is interrupted', async () => {
    const { child, lines } = start('--port', '0')
    const url = await addressIn(lines)
    const events = await Listener.start(url)
    const response = await fetch(`${url}/orders`, {
      method: 'POST',
      body: '{"customer":"Ada","lines":[{"product":"tea","quantity":1}]}',
    })
    expect(response.status).toBe(201)
    const [environment] = await events.until('environments', (views) => views.length > 0)
    const pid = environment?.pid ?? 0
    expect(isAlive(pid)).toBe(true)
    child.kill('SIGINT')
    // npm, tsx and the terminal may each pass it on.
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(isAlive(pid)).toBe(false)
    await expect(fetch(`${url}/report`)).rejects.toThrow()
  })

  it.each([
    ['--port=65536', 'Expected --port to be from 0 to 65535, got 65536'],
    ['--prot=1', "Unknown option '--prot'"],
  ])('refuses %s in one line', async (argument, message) => {
    const { child, output } = start(argument)
    expect(await once(child, 'close')).toEqual([1, null])
    expect(output()).toBe(`${message}: npm run local [-- --port 3000]\n`)
  })

  it('takes the next free port where somebody else listens, and says so', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const { child, lines, output } = start('--port', String(port))
    const url = await addressIn(lines)
    const taken = Number(new URL(url).port)
    expect(taken).toBeGreaterThan(port)
    expect(output()).toContain(`Somebody else listens on port ${port}: it is ${taken} instead\n`)
    expect((await fetch(url)).status).toBe(200)
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
    other.close()
  })
})

describe('an environment that nobody calls', () => {
  it('is retired after a while', async () => {
    const service = await startLocalService({ port: 0, idleMillis: 500 })
    try {
      const events = await Listener.start(service.url)
      await fetch(`${service.url}/report`)
      const views = await events.until('environments', ([view]) => view?.state === 'gone')
      expect(views).toMatchObject([{ function: 'orders', invocations: 1, end: 'retired' }])
      events.stop()
    } finally {
      await service.close()
    }
  })
})
