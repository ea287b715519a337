import { loadHandler } from './lambda/faces/load-handler.js'

/** For functions that are wrapped without a line of code: Lambda's setting is this, and `PG_THAW_HANDLER` what that was. */
export const handler = await loadHandler(process.env)
