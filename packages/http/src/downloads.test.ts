import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { call, receiveOne, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { rangeOf } from './downloads.ts'

const RANGES: [string | undefined, ReturnType<typeof rangeOf>][] = [
  [undefined, undefined],
  ['bytes=-', undefined],
  ['bytes=5-2', undefined],
  ['bytes=0-1,3-4', undefined],
  ['bytes=2-', { from: 2, to: 9 }],
  ['bytes=2-100', { from: 2, to: 9 }],
  ['bytes=-100', { from: 0, to: 9 }],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=10-', 'unsatisfiable'],
]
for (const [header, expected] of RANGES) {
  test(`range ${header} of 10 bytes`, () => assert.deepEqual(rangeOf(header, 10), expected))
}

const TYPES = [
  'text/html',
  'image/svg+xml',
  'application/javascript',
  'text/html; charset=utf-7',
  'application/xhtml+xml',
  'text/xml',
  'application/x-shockwave-flash',
  'application/pdf',
  'text/html\0x',
  'x/y\tz',
  'multipart/x-mixed-replace',
  'text/html,text/plain',
  '"text/html"',
  'TEXT/HTML',
  'application/hta',
  'message/rfc822',
  'text/plain; charset="x\\"; y=z"',
]
const NAMES = [
  'a.html',
  '..\\..\\..\\x.exe',
  '../../etc/passwd',
  'a"; filename=evil.exe; x="',
  'a\\"b',
  '=?utf-8?B?DQpTZXQtQ29va2llOiBhPWI=?=',
  'é\u202egnp.exe',
  '.htaccess',
  'CON',
  'a%0d%0aX-Y: z',
  '%2e%2e%2fx',
  '',
  'a'.repeat(400),
  '\ud800x',
  '<svg onload=1>.html',
  'a;b',
  'a\tb',
  "a'b",
  'a/b/c',
  'http://x/y',
]
const SCRIPT = '<script>alert(1)</script>'
const escaped = (name: string) => name.replace(/["\\]/g, '\\$&')
const PARTS = NAMES.map((name, n) => {
  const type = TYPES[n % TYPES.length]
  return `--B\r\nContent-Type: ${type}; name="${escaped(name)}"\r\nContent-Disposition: attachment; filename="${escaped(name)}"\r\n\r\n${SCRIPT}\r\n`
})
const HOSTILE = `From: eve@far.test\r\nTo: ada@kabutar.test\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n${PARTS.join('')}--B\r\nContent-Type: text/html\r\n\r\n${SCRIPT}<img src="cid:x">\r\n--B--\r\n`

/** The links to the attachments of a message, then the one to the whole of it. */
async function linksOf(rig: Setup, raw: string): Promise<readonly URL[]> {
  const id = await receiveOne(rig, raw)
  const { body } = await call(rig, `GET /emails/receiving/${id}/attachments`)
  const whole = (await call(rig, `GET /emails/receiving/${id}`)).body.raw as { download_url: string }
  return [...(body.data as { download_url: string }[]), whole].map((one) => new URL(one.download_url))
}
const open = ({ app }: Setup, { pathname, search }: URL, method = 'GET') =>
  app.request(pathname + search, { method, redirect: 'manual' })

test('21 files of hostile names and types are downloads that a browser neither shows nor runs', async () => {
  const rig = await setup()
  const links = await linksOf(rig, HOSTILE)
  assert.equal(links.length, 21)
  for (const link of links) {
    const { status, headers } = await open(rig, link)
    assert.equal(status, 200, link.href)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('content-disposition') ?? '', /^attachment(;|$)/)
    assert.match(headers.get('content-disposition') ?? '', /^[ -~]*$/)
    assert.equal(headers.get('content-security-policy'), "sandbox; default-src 'none'")
    assert.equal(headers.get('set-cookie'), null)
    assert.match(headers.get('content-type') ?? '', /^[ -~]*$/)
  }
})

type Change = (url: URL, whole: URL) => void
const setting =
  (name: string, value: (before: string) => string): Change =>
  ({ searchParams }) =>
    searchParams.set(name, value(searchParams.get(name) ?? ''))
const path =
  (change: (before: string) => string): Change =>
  (url) => {
    url.pathname = change(url.pathname)
  }
/** Signs as the server does, with a secret that an attacker might guess. */
const signedWith =
  (secretOf: (whole: URL) => string): Change =>
  (url, whole) => {
    const [expires, filename, type, part] = ['expires', 'filename', 'type', 'part'].map((name) =>
      url.searchParams.get(name),
    )
    const signed = JSON.stringify(['GET', url.pathname.slice('/downloads/'.length), expires, 'a', filename, type, part])
    url.searchParams.set('signature', createHmac('sha256', secretOf(whole)).update(signed).digest('base64url'))
  }
const ELSEWHERE = '0-99999-7bit'

const FORGED: Readonly<Record<string, Change>> = {
  'a second more': setting('expires', (at) => String(Number(at) + 1)),
  'years more': setting('expires', () => '99999999999'),
  'a blank behind the expiry': setting('expires', (at) => `${at} `),
  'no expiry': ({ searchParams }) => searchParams.delete('expires'),
  'another name': setting('filename', () => 'x'),
  'another type': setting('type', () => 'text/html'),
  'another part': setting('part', () => ELSEWHERE),
  'no part': ({ searchParams }) => searchParams.delete('part'),
  'an empty signature': setting('signature', () => ''),
  'a shorter signature': setting('signature', (text) => text.slice(0, -1)),
  'a padded signature': setting('signature', (text) => `${text}=`),
  'a signature in lower case': setting('signature', (text) => text.toLowerCase()),
  'no signature': ({ searchParams }) => searchParams.delete('signature'),
  'another part before its own': ({ searchParams }) => {
    const part = searchParams.get('part') ?? ''
    searchParams.set('part', ELSEWHERE)
    searchParams.append('part', part)
  },
  'the folder twice': path((text) => text.replace('/downloads/', '/downloads/downloads/')),
  'dots in the path': path((text) => text.replace('/downloads/', '/downloads/parts/x/%2e%2e/')),
  'the account in percent encoding': path((text) => text.replace('/a/', '/%61/')),
  'another account': path((text) => text.replace('/a/', '/b/')),
  'another message': path((text) => text.replace(/.$/, (last) => (last === '0' ? '1' : '0'))),
  'a slash at the end': path((text) => `${text}/`),
  'the folder of uploads': path((text) => text.replace('/downloads/', '/uploads/')),
  'the reading of the message': path((text) => `${text}/reading`),
  'two slashes': path((text) => text.replace('/downloads/', '/downloads//')),
  'the signature of the whole': (url, whole) =>
    url.searchParams.set('signature', whole.searchParams.get('signature') ?? ''),
  'the whole with a part': (url, whole) => {
    url.search = whole.search
    url.searchParams.set('part', '0-10-7bit')
  },
  'signed with nothing': signedWith(() => ''),
  'signed with a word': signedWith(() => 'link'),
  'signed with the API key': signedWith(() => 're_dGVzdC1vbmx5LWtleS10ZXN0LW9ubHkta2V5LXRlc3Q'),
  'signed with another signature': signedWith((whole) => whole.searchParams.get('signature') ?? ''),
}
/** Parameters that are given twice: the first counts, which is the one that was signed. */
const SAME: Readonly<Record<string, Change>> = {
  'as it is': () => undefined,
  'another part behind its own': ({ searchParams }) => searchParams.append('part', ELSEWHERE),
  'another expiry behind its own': ({ searchParams }) => searchParams.append('expires', '99999999999'),
}

describe('a link', () => {
  test('that is forged in 29 ways opens nothing', async () => {
    const rig = await setup()
    const [link, whole] = (await linksOf(rig, HOSTILE)).slice(-2) as [URL, URL]
    const opened: string[] = []
    for (const [name, change] of Object.entries(FORGED)) {
      const forged = new URL(link)
      change(forged, whole)
      assert.notEqual(forged.href, link.href, name)
      const { status } = await open(rig, forged)
      assert.ok(status < 500, `${name}: ${status}`)
      if (status < 400) opened.push(`${name}: ${status}`)
    }
    assert.equal(Object.keys(FORGED).length, 29)
    assert.deepEqual(opened, [])
    for (const [name, change] of Object.entries(SAME)) {
      const same = new URL(link)
      change(same, whole)
      assert.equal(await (await open(rig, same)).text(), SCRIPT, name)
    }
    rig.ports.clock.advance(8 * 86_400_000)
    assert.equal((await open(rig, link)).status, 403)
  })

  test('takes 2 methods of 7', async () => {
    const rig = await setup()
    const [link] = (await linksOf(rig, HOSTILE)) as [URL]
    const statuses: Record<string, number> = {}
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      statuses[method] = (await open(rig, link, method)).status
    }
    const { GET, HEAD, ...others } = statuses
    assert.deepEqual([GET, HEAD], [200, 200])
    assert.ok(
      Object.values(others).every((status) => status >= 400 && status < 500),
      JSON.stringify(others),
    )
  })
})
