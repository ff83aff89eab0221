import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { Env } from './env.ts'
import { HttpError } from './errors.ts'

/** The value of a Host field for a name and a port (RFC 9110 section 7.2): the default port of the scheme is left out. */
export function hostOf(scheme: 'http' | 'https', name: string, port: number): string {
  return new URL(`${scheme}://${name}:${port}`).host
}

/**
 * Refuses requests for any other host than those of the server. A web page whose own name was made to resolve to a
 * loopback address (DNS rebinding) names itself in Host, which a browser lets no script change. Without a Host field,
 * which no browser leaves out, a request passes.
 */
export function ownHostRequired(hosts: readonly string[]) {
  return createMiddleware<Env>(async (c, next) => {
    const host = c.req.header('Host')
    if (host !== undefined && !isOneOf(hosts, host)) {
      throw new HttpError(
        403,
        'invalid_access',
        'The host of the request is not one of this server (KABUTAR_PUBLIC_URL).',
      )
    }
    await next()
  })
}

export const isOneOf = (hosts: readonly string[], host: string): boolean => hosts.includes(host.toLowerCase())

/** Fields that a proxy, a tunnel or a load balancer adds to what it passes on, and no browser of its own accord. */
const PROXY_FIELDS = [
  /^(forwarded|via|cdn-loop|proxy-.+)$/,
  /^x-(forwarded|original|rewrite|proxy|nginx|envoy|amzn|amz|azure|appengine|arr|varnish|vercel)(-.+)?$/,
  /^(x-)?(real|client|remote|true-client|cluster-client|proxyuser)-(ip|addr|host)$/,
  /^x-(cluster-client-ip|host|proxyuser-ip|request-start)$/,
  /^(cf|fly|fastly|akamai|tailscale|ngrok|devtunnels?|x-tunnel|x-ms-tunnel)-.+$/,
]

/**
 * True if a proxy tells of itself, so that the peer of the connection is not the client. Browsers speak HTTP/1.1 or later;
 * proxies may ask in HTTP/1.0, and some add no field at all, which nobody can see.
 */
export function isProxied(c: Context, httpVersion: string | undefined): boolean {
  if (httpVersion?.startsWith('1.0') || httpVersion?.startsWith('0')) return true
  return [...c.req.raw.headers.keys()].some((name) => PROXY_FIELDS.some((field) => field.test(name.toLowerCase())))
}
