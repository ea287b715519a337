import type { IncomingHttpHeaders } from 'node:http'

/** Names of this machine. Any other in a request is one that somebody has pointed here. */
const OWN_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Why a request is refused, if it is: a page from elsewhere that is open in the same browser must neither read what is here, by a name
 * of its own for this address, nor do anything. Programs such as curl send none of these headers but the host.
 */
export function refusal(method: string, headers: IncomingHttpHeaders): string | undefined {
  const { host = '', origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers
  if (!OWN_NAMES.has(host.replace(/:\d+$/, ''))) return 'Expected the host to be localhost'
  // Whoever follows a link to here sees it in a tab of its own.
  if (method === 'GET' && mode === 'navigate') return undefined
  const isForeign = origin !== undefined && origin !== `http://${host}`
  if (isForeign || (site !== undefined && site !== 'same-origin' && site !== 'none')) {
    return 'Expected a request of this page, not of another site'
  }
  return undefined
}
