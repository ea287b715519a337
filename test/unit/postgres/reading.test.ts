import { EventEmitter, once } from 'node:events'
import { Duplex } from 'node:stream'
import { Connection } from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { Pool } from '../../../src/index'
import type { PgClient } from '../../../src/postgres/connection/pg-client'
import { readSafely, tellListenersApart } from '../../../src/postgres/connection/session/reading'
import { authentication, GarblingServer, message, ready } from '../../support/garbling-server'

const notice = message('N', 'Mhear, hear\0\0')

describe('what pg can not read', () => {
  it.each([
    ['a way to sign in that it does not know (GSSAPI)', authentication(7), 'Unknown authenticationOk message type 7'],
    ['a row with fewer columns than none', message('D', Buffer.from([255, 255])), 'Invalid array length'],
    ['a row that breaks off', message('D', Buffer.from([0, 9, 0])), 'is out of range'],
  ])('fails who asked, and not the process: %s', async (_, said, text) => {
    await using server = await GarblingServer.start()
    server.garble = { at: 0, say: () => [said], ending: 'silence' }
    const { host, port } = server
    const pool = new Pool({ host, port, user: 'me', password: 'secret', connectionTimeoutMillis: 5000 })
    const error = await pool.query('SELECT 1').catch((it: unknown) => it)
    expect(error).toMatchObject({ name: 'DialError', retry: 'never', message: expect.stringContaining(text) })
    await pool.end()
  })
})

describe('a connection that reads safely', () => {
  let socket: Duplex
  let connection: Connection
  let client: PgClient

  beforeEach(() => {
    socket = new Duplex({ read() {}, write() {} })
    connection = new Connection({ stream: socket as never })
    client = Object.assign(new EventEmitter(), { connection }) as unknown as PgClient
    readSafely(client)
    ;(connection as unknown as { attachListeners(socket: Duplex): void }).attachListeners(socket)
  })

  it('hears all that pg hears', async () => {
    const heard: string[] = []
    connection.on('message' as 'end', ((it: { name: string }) => heard.push(it.name)) as never)
    socket.push(Buffer.concat([notice, ready]))
    await once(connection, 'readyForQuery')
    expect(heard).toEqual(['notice', 'readyForQuery'])
  })

  it('leaves the errors of listeners to whom they reach without it, once it is lent', () => {
    tellListenersApart(client)
    tellListenersApart(client)
    const error = new Error('of a listener')
    connection.on('notice', () => {
      throw error
    })
    expect(() => socket.emit('data', notice)).toThrow(error)
    expect(socket.destroyed).toBe(false)
  })

  it('and before that, where a program listens for what its client hears', () => {
    const error = new Error('of a listener')
    client.on('notice', () => {})
    connection.on('notice', () => {
      throw error
    })
    expect(() => socket.emit('data', notice)).toThrow(error)
  })

  it('ends with the error of what it can not read, before anybody has it', async () => {
    const failed = once(socket, 'error')
    socket.emit('data', authentication(7))
    expect(await failed).toEqual([new Error('Unknown authenticationOk message type 7')])
  })

  it('ends with the error of what it can not read, also after one of a listener, and inside of another', async () => {
    tellListenersApart(client)
    connection.on('message' as 'end', (() => connection.emit('told')) as never)
    connection.once('notice', () => {
      throw new Error('of a listener')
    })
    expect(() => socket.emit('data', notice)).toThrow('of a listener')
    const failed = once(socket, 'error')
    socket.emit('data', authentication(7))
    expect(await failed).toEqual([new Error('Unknown authenticationOk message type 7')])
  })
})

it('leaves a client of another make as it is', () => {
  const clients = [{}, { connection: {} }] as PgClient[]
  for (const client of clients) tellListenersApart(client)
  expect(clients.map(readSafely)).toEqual([{}, { connection: {} }])
})
