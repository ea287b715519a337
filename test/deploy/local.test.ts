import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Listener } from '../local/support/events'
import { freePort, saying } from './support/program'
import { shell } from './support/shell'

let port: number
let local: ChildProcess
let hasEnded = false

beforeAll(async () => {
  port = await freePort()
  // A group of its own: a Ctrl-C goes to all of it.
  const command = 'npm run local -- --port 4000'
  local = spawn('sh', ['-c', command.replace('4000', String(port))], { detached: true })
  await saying(local, 'Ctrl-C ends it')
})
afterAll(() => {
  if (local?.pid !== undefined && !hasEnded) process.kill(-local.pid, 'SIGKILL')
})

/** Runs a command of docs/local.md at the port that is free here. */
async function run(command: string): Promise<unknown> {
  return JSON.parse((await shell(command.replace('localhost:3000', `localhost:${port}`))).stdout)
}

describe('the commands of docs/local.md', () => {
  it('reach the service', async () => {
    expect(
      await run(
        `curl http://localhost:3000/orders --json '{"customer":"Ada","lines":[{"product":"tea","quantity":2}]}'`,
      ),
    ).toEqual({ id: '1' })
    expect(await run('curl http://localhost:3000/orders/1')).toMatchObject({ id: '1', customer: 'Ada' })
    expect(await run('curl http://localhost:3000/report')).toMatchObject({ orders: 1, waiting: 1 })
  })

  it('do what AWS would do', async () => {
    const events = await Listener.start(`http://localhost:${port}`)
    expect(await run(`curl http://localhost:3000/local/queue --data '{"id":"1"}'`)).toHaveProperty('messageId')
    await events.until('call', (call) => call.function === 'fulfilOrders' && call.outcome === 'response')
    events.stop()
    const report = await run('curl --request POST http://localhost:3000/local/schedule')
    expect(report).toMatchObject({ ordered: 1, fulfilled: 1, waiting: 0 })
    const placed = await run('curl --request POST "http://localhost:3000/local/burst?orders=8"')
    expect(placed).toEqual(Array(8).fill({ statusCode: 201, id: expect.any(String) }))
  })

  it('end when they are interrupted, with every process that they started', async () => {
    const events = await Listener.start(`http://localhost:${port}`)
    const environments = await events.until('environments', (views) => views.length > 0)
    // Not before all that write to it have ended.
    const ended = once(local, 'close')
    process.kill(-(local.pid ?? 0), 'SIGINT')
    await ended
    hasEnded = true
    for (const { pid } of environments) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    await expect(fetch(`http://localhost:${port}/report`)).rejects.toThrow()
  })
})
