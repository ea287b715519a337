import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { registerGoodbye } from '../../../src/lambda/goodbye'
import { environment, type LivePool } from '../../../src/registry/environment'
import { type ExtensionsApi, type Policy, startExtensionsApi } from '../../lambda/fixtures/goodbye-extensions-api'
import { settled } from '../../support/fake-clock'

let api: ExtensionsApi | undefined
let listeners: NodeJS.SignalsListener[]
const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
const kill = vi.spyOn(process, 'kill').mockReturnValue(true)

beforeEach(() => {
  listeners = process.listeners('SIGTERM')
  process.removeAllListeners('SIGTERM')
  vi.stubEnv('AWS_LAMBDA_RUNTIME_API', undefined)
  vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', undefined)
  vi.stubEnv('PG_THAW_GOODBYE', undefined)
})
afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  vi.clearAllMocks()
  process.removeAllListeners('SIGTERM')
  for (const listener of listeners) process.on('SIGTERM', listener)
  delete environment().goodbye
  environment().pools.clear()
  await api?.close()
  api = undefined
})

async function startApi(policy?: Policy): Promise<ExtensionsApi> {
  api = await startExtensionsApi(policy)
  vi.stubEnv('AWS_LAMBDA_RUNTIME_API', api.address)
  return api
}

/** Enters a pool whose goodbye does this. */
function poolThat(goodbye: () => Promise<void>): void {
  environment().pools.add({ goodbye } as LivePool)
}

function timersByHand(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
}

const terminate = () => process.emit('SIGTERM', 'SIGTERM')
const warning = (text: string) => [
  expect.stringContaining(text),
  expect.objectContaining({
    type: 'PgThawWarning',
    code: 'PG_THAW_NO_GOODBYE',
    detail: expect.stringContaining('The pools work on'),
  }),
]

describe('registering the goodbye', () => {
  it('does nothing outside Lambda', async () => {
    await registerGoodbye()
    expect(process.listenerCount('SIGTERM')).toBe(0)
    expect(warn).not.toHaveBeenCalled()
  })

  it('does nothing on Managed Instances, where no pool is in reach of a signal', async () => {
    const { registrations } = await startApi()
    vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', 'lambda-managed-instances')
    await registerGoodbye()
    expect(process.listenerCount('SIGTERM')).toBe(0)
    expect(registrations).toEqual([])
  })

  it('registers an extension without events, once, and keeps one poll outstanding', async () => {
    const lambda = await startApi()
    await Promise.all([registerGoodbye(), registerGoodbye()])
    await registerGoodbye()
    await lambda.until('polls', 1)
    expect(lambda.registrations).toEqual([{ name: 'pg-thaw', body: { events: [] } }])
    expect(lambda.polls).toEqual(['id-1'])
    expect(process.listenerCount('SIGTERM')).toBe(1)
    expect(warn).not.toHaveBeenCalled()
  })

  it('is not harmed by a poll that breaks off', async () => {
    const lambda = await startApi()
    await registerGoodbye()
    await lambda.until('polls', 1)
    const brokenOff = new Promise((resolve) => {
      const heard = (message: unknown) => {
        unsubscribe('http.client.response.finish', heard)
        ;(message as { response: IncomingMessage }).response.once('close', resolve)
      }
      subscribe('http.client.response.finish', heard)
    })
    lambda.breakPolls()
    await brokenOff
    await settled()
    expect(lambda.polls).toHaveLength(1)
  })

  it('only listens in a process that inherited the preload of one that registered', async () => {
    const { registrations } = await startApi()
    vi.stubEnv('PG_THAW_GOODBYE', '1')
    await registerGoodbye()
    expect(process.listenerCount('SIGTERM')).toBe(1)
    expect(registrations).toEqual([])
  })

  it('says once why it was refused, and listens all the same', async () => {
    await startApi('refuse')
    await Promise.all([registerGoodbye(), registerGoodbye()])
    expect(warn.mock.calls).toEqual([warning('403 {"errorType":"Extension.RegistrationClosed"}')])
    expect(process.listenerCount('SIGTERM')).toBe(1)
  })

  it('says so where it was given no identifier', async () => {
    const { polls } = await startApi('give no identifier')
    await registerGoodbye()
    expect(warn.mock.calls).toEqual([warning('200 {}')])
    expect(polls).toEqual([])
  })

  it('leaves no timer behind once it has its answer', async () => {
    await startApi()
    timersByHand()
    await registerGoodbye()
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each([
    ['where nobody listens', '127.0.0.1:1', 'ECONNREFUSED'],
    ['that is none', 'no address', 'Invalid URL'],
  ])('says so for an address %s', async (_, address, text) => {
    vi.stubEnv('AWS_LAMBDA_RUNTIME_API', address)
    await registerGoodbye()
    expect(warn.mock.calls).toEqual([warning(text)])
  })

  it('waits a second for the answer, and still polls when it comes later, since init waits for that', async () => {
    timersByHand()
    const lambda = await startApi('hold')
    const registered = registerGoodbye()
    await lambda.until('registrations', 1)
    await vi.advanceTimersByTimeAsync(999)
    expect(warn).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    await registered
    expect(warn.mock.calls).toEqual([warning('no answer within 1000 ms')])
    lambda.acceptHeld()
    await lambda.until('polls', 1)
    expect(lambda.polls).toEqual(['id-1'])
    expect(warn).toHaveBeenCalledTimes(1)
  })
})

describe('at SIGTERM', () => {
  it('every pool says goodbye before anybody else hears of the signal, and then the signal ends the process', async () => {
    await startApi()
    const events: string[] = []
    let close = () => {}
    poolThat(() => Promise.reject(new Error('one that fails')))
    poolThat(() => {
      throw new Error('one that throws')
    })
    poolThat(() => {
      events.push('goodbye')
      return new Promise((resolve) => {
        close = resolve
      })
    })
    await registerGoodbye()
    terminate()
    expect(events).toEqual(['goodbye'])
    await settled()
    expect(kill).not.toHaveBeenCalled()
    close()
    await settled()
    expect(kill.mock.calls).toEqual([[process.pid, 'SIGTERM']])
    expect(process.listenerCount('SIGTERM')).toBe(0)
  })

  it('the process ends after 150 ms where a server does not answer', async () => {
    await startApi()
    await registerGoodbye()
    poolThat(() => new Promise(() => {}))
    timersByHand()
    terminate()
    await vi.advanceTimersByTimeAsync(149)
    expect(kill).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(kill).toHaveBeenCalledTimes(1)
  })

  it('the end of the process is left to other listeners, which hear the signal after the goodbye', async () => {
    await startApi()
    const events: string[] = []
    process.on('SIGTERM', () => events.push('before'))
    poolThat(async () => void events.push('goodbye'))
    await registerGoodbye()
    process.once('SIGTERM', () => events.push('after'))
    timersByHand()
    terminate()
    expect(events).toEqual(['goodbye', 'before', 'after'])
    await vi.advanceTimersByTimeAsync(1000)
    expect(kill).not.toHaveBeenCalled()
  })
})
