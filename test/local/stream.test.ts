import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { EventStream } from '../../src/local/page/stream'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Listens to a stream, and says what it hears. */
function listen(stream: EventStream): { readonly heard: string[]; leave(): void } {
  const heard: string[] = []
  const response = Object.assign(new EventEmitter(), {
    writeHead: () => {},
    write: (text: string) => heard.push(text.replace(/^event: (.*)\ndata: (.*)\n\n$/, '$1 $2')),
  })
  stream.add(response as unknown as ServerResponse)
  return { heard, leave: () => response.emit('close') }
}

it('tells who comes later what happened, in order, and then how things stand', () => {
  const stream = new EventStream()
  stream.update('queue', 1)
  stream.tell('call', 'a')
  vi.advanceTimersByTime(1)
  stream.tell('log', 'b')
  vi.advanceTimersByTime(1)
  stream.tell('call', 'c')
  stream.update('queue', 2)
  const { heard } = listen(stream)
  expect(heard).toEqual(['call "a"', 'log "b"', 'call "c"', 'queue 2'])
  stream.tell('call', 'd')
  stream.update('queue', 2)
  expect(heard.slice(4)).toEqual(['call "d"'])
})

it('forgets what is older than ten minutes, and all but the last thousand of a topic', () => {
  const stream = new EventStream()
  stream.tell('call', 'old')
  vi.advanceTimersByTime(5 * 60_000)
  stream.tell('log', 'newer')
  vi.advanceTimersByTime(5 * 60_000 + 1)
  expect(listen(stream).heard).toEqual(['log "newer"'])
  for (let count = 0; count <= 1000; count++) stream.tell('log', count)
  const { heard } = listen(stream)
  expect([heard.length, heard[0], heard.at(-1)]).toEqual([1000, 'log 1', 'log 1000'])
})

it('tells nobody who has left', () => {
  const stream = new EventStream()
  const { heard, leave } = listen(stream)
  leave()
  stream.tell('call', 'a')
  expect(heard).toEqual([])
})
