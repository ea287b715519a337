import { EventEmitter } from 'node:events'

type Done = (error?: Error | null, result?: unknown) => void

/** What both `pg.Pool`s need of a `Client`, without a network: it connects and ends in the next microtask. */
export class FakeClient extends EventEmitter {
  readonly connection = Object.assign(new EventEmitter(), { stream: { destroy: () => {} } })
  readonly readyForQuery = true
  readonly _queryable = true
  _ending = false
  _ended = false

  connect(done?: Done): Promise<this> | undefined {
    return settle(this, done)
  }

  query(_query: unknown, values?: unknown, callback?: Done): Promise<unknown> | undefined {
    return settle({ rows: [] }, typeof values === 'function' ? (values as Done) : callback)
  }

  end(done?: Done): Promise<void> | undefined {
    this._ending = true
    this._ended = true
    return settle(undefined, done)
  }

  getTransactionStatus(): 'I' {
    return 'I'
  }

  ref(): void {}

  unref(): void {}
}

function settle<T>(result: T, done: Done | undefined): Promise<T> | undefined {
  if (done === undefined) return Promise.resolve(result)
  queueMicrotask(() => done(null, result))
  return undefined
}
