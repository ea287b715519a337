import middy from '@middy/core'
import { wrapped } from 'pg-thaw/decorator'
import { pooled } from 'pg-thaw/middy'
import { type Asked, type Told, work } from './work'

export const inMiddy = middy<Asked, Told>()
  .use(pooled())
  .handler((asked) => work(asked))

class Worker {
  readonly #work = work

  @wrapped()
  async handler(asked: Asked, _context: unknown): Promise<Told> {
    return this.#work(asked)
  }
}

const worker = new Worker()
export const decorated = worker.handler.bind(worker)
