import { readFileSync } from 'node:fs'

const microsPerTick = 10_000

/**
 * CPU time of a backend on this machine so far, µs, or undefined where the system does not tell. To the microsecond where the kernel
 * shows what its scheduler counts, else in ticks, which only a mean over many rounds makes use of.
 */
export function backendMicros(pid: number): number | undefined {
  return schedulerMicros(pid) ?? tickMicros(pid)
}

function schedulerMicros(pid: number): number | undefined {
  const [, millis] = /^se\.sum_exec_runtime\s*:\s*([\d.]+)$/m.exec(read(`/proc/${pid}/sched`)) ?? []
  return millis === undefined ? undefined : Number(millis) * 1000
}

function tickMicros(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`)
  // The name in parentheses may contain anything. Behind it, utime and stime are the twelfth and thirteenth word.
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
  return user === undefined || system === undefined ? undefined : (Number(user) + Number(system)) * microsPerTick
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
