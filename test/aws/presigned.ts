import { createHash, createHmac } from 'node:crypto'
import { STAND_IN_SECRET } from './servers.ts'

/**
 * Fetches a presigned link with the checks of S3, which fauxqs lacks: the signature over every parameter, the expiry, and
 * the headers that `response-*` parameters ask for.
 */
export async function downloadPresigned(url: URL): Promise<Response> {
  const refused = linkRefusal(url, 'GET', { host: url.host })
  if (refused) return new Response(refused.reason, refused)
  const stored = await fetch(url)
  const headers = new Headers(stored.headers)
  for (const [name, value] of Object.entries(headersAsked(url))) headers.set(name, value)
  return new Response(await stored.arrayBuffer(), { status: stored.status, headers })
}

/** Puts a body to a presigned link, also with S3's check of the link's checksum, and its conditional write. */
export async function uploadPresigned(url: URL, body: Uint8Array): Promise<Response> {
  const headers = { 'if-none-match': '*' }
  const refused = linkRefusal(url, 'PUT', { ...headers, host: url.host, 'content-length': String(body.length) })
  if (refused) return new Response(refused.reason, refused)
  if (await isTaken(url)) return new Response('PreconditionFailed', { status: 412 })
  return fetch(url, { method: 'PUT', headers, body: Buffer.from(body) })
}

/** True if the key of a URL has an object, which `If-None-Match: *` of a PUT refuses. fauxqs ignores that header. */
export async function isTaken({ origin, pathname }: URL): Promise<boolean> {
  return (await fetch(new URL(pathname, origin), { method: 'HEAD' })).ok
}

type Named = Readonly<Record<string, string>>

/** Headers that the `response-*` parameters of a link ask for. */
export function headersAsked(url: URL): Named {
  const asked = [...url.searchParams].filter(([name]) => name.startsWith('response-'))
  return Object.fromEntries(asked.map(([name, value]) => [name.slice('response-'.length), value]))
}

/** Returns why S3 would refuse a request with this link and these headers; undefined if it would not. */
export function linkRefusal(
  url: URL,
  method: string,
  headers: Named,
): { readonly status: number; readonly reason: string } | undefined {
  const given = url.searchParams.get('X-Amz-Signature') ?? ''
  if (given !== signatureOf(url, method, headers)) return { status: 403, reason: 'SignatureDoesNotMatch' }
  if (Date.now() > expiryOf(url)) return { status: 403, reason: 'Request has expired' }
  const checked = [...url.searchParams.keys()].some((name) => name.startsWith('x-amz-checksum-'))
  return checked && method === 'PUT' ? { status: 400, reason: 'BadDigest' } : undefined
}

/** Checks AWS Signature Version 4 in query parameters, with an unsigned payload, as S3 documents it. */
function signatureOf(url: URL, method: string, headers: Named): string {
  const [, date = '', region = '', service = ''] = (url.searchParams.get('X-Amz-Credential') ?? '').split('/')
  const signed = (url.searchParams.get('X-Amz-SignedHeaders') ?? '').split(';')
  const canonical = [
    method,
    url.pathname,
    canonicalQuery(url),
    ...signed.map((name) => `${name}:${headers[name] ?? ''}`),
    '',
    signed.join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n')
  const digest = createHash('sha256').update(canonical).digest('hex')
  const scope = `${date}/${region}/${service}/aws4_request`
  const text = ['AWS4-HMAC-SHA256', url.searchParams.get('X-Amz-Date'), scope, digest].join('\n')
  const mac = (key: string | Buffer, message: string) => createHmac('sha256', key).update(message).digest()
  const key = [date, region, service, 'aws4_request'].reduce(mac, Buffer.from(`AWS4${STAND_IN_SECRET}`))
  return mac(key, text).toString('hex')
}

function canonicalQuery(url: URL): string {
  const escaped = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return [...url.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort()
    .join('&')
}

function expiryOf(url: URL): number {
  const stamp = url.searchParams.get('X-Amz-Date') ?? ''
  const iso = stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  return Date.parse(iso) + Number(url.searchParams.get('X-Amz-Expires')) * 1000
}
