let listener: (() => void) | undefined

process.on('beforeExit', () => {
  const run = listener
  listener = undefined
  run?.()
})

/** Runs once when nothing is left that keeps the process alive; replaces what was to run before. */
export function onEmptyLoop(run: (() => void) | undefined): void {
  listener = run
}
