import { datadog } from 'datadog-lambda-js'
import { wrapHandler } from 'pg-thaw'
import { type Asked, work } from '../../functions/work'

export const around = datadog(wrapHandler((asked: Asked) => work(asked)))
export const inside = wrapHandler(datadog((asked: Asked) => work(asked)))
/** For Datadog's own handler, which wraps it. */
export const redirected = wrapHandler((asked: Asked) => work(asked))
/** For PG_THAW_HANDLER and Datadog's own handler. */
export const plain = (asked: Asked) => work(asked)
