/** What needs no package beside pg-thaw, and is not given to `wrapHandler`: by where it is among the functions. */
export const faces = {
  'a method, with `@wrapped()`': { exportName: 'decorated' },
  'an async handler, by `PG_THAW_HANDLER`': { named: 'index.asynchronous' },
  'a callback handler, by `PG_THAW_HANDLER`': { named: 'index.callback' },
  'a streaming handler, by `PG_THAW_HANDLER`': { named: 'index.streaming' },
  'an ES module that awaits, by `PG_THAW_HANDLER`': { named: 'module.asynchronous' },
  'an async handler, by `wrap: true` of the plugin': { handler: 'src/api.asynchronous' },
} as const
