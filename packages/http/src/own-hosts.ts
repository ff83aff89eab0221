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

const PROXY_FIELD = /^(forwarded|via|x-forwarded-.+)$/i

/** True if a proxy names itself, so that the peer of the connection is not the client. */
export const isProxied = (c: Context): boolean => [...c.req.raw.headers.keys()].some((name) => PROXY_FIELD.test(name))
