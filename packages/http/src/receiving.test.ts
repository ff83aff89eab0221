import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createKey } from '@kabutar/core/accounts/keys.ts'
import { call, receiveOne, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { drainReceived, letter } from '@kabutar/testing/receiving-rig.ts'
import { MAX_ANSWER_BYTES } from './answer.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const part = (fields: string, body: string) => `--b\r\n${letter(fields, body)}\r\n`
const RICH = letter(
  `Return-Path: <eve@far.test>
Received: from a
Received: from b
From: =?utf-8?q?Eve_=C3=84?= <eve@far.test>
To: Ada <ada@kabutar.test>, "Doe, Cy" <cy@kabutar.test>
Cc: cc@far.test
Reply-To: answer@far.test
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Message-ID: <rich@far.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b`,
  [
    part('Content-Type: text/html; charset=utf-8', '<p>hi <img src="cid:logo@far"> <img src="cid:other"></p>'),
    part(
      `Content-Type: image/png; name="=?utf-8?q?l=C3=B6go=2Epng?="
Content-ID: <logo@far>
Content-Disposition: inline
Content-Transfer-Encoding: base64`,
      PNG.toString('base64'),
    ),
    part(
      `Content-Type: text/html; name="../evil.html"
Content-Disposition: attachment; filename="../evil.html"
Content-Transfer-Encoding: quoted-printable`,
      '<script>alert(=22x=22)</script>',
    ),
    '--b--\r\n',
  ].join(''),
)

type Wire = Record<string, unknown> & { raw: { download_url: string }; attachments: Record<string, unknown>[] }
const get = async (rig: Setup, id: string, query = '') =>
  (await call(rig, `GET /emails/receiving/${id}${query}`)).body as Wire
const download = (rig: Setup, url: string, init?: RequestInit) => rig.app.request(url, init)

describe('a received email', () => {
  test("is read in the wire's form", async () => {
    const rig = await setup()
    const id = await receiveOne(rig, RICH)
    const { raw, attachments, headers, html, ...email } = await get(rig, id)
    assert.deepEqual(email, {
      object: 'email',
      id,
      to: ['Ada <ada@kabutar.test>', '"Doe, Cy" <cy@kabutar.test>'],
      from: 'Eve Ä <eve@far.test>',
      created_at: new Date(rig.ports.clock.now()).toISOString(),
      subject: 'Grüße',
      bcc: [],
      cc: ['cc@far.test'],
      reply_to: ['answer@far.test'],
      received_for: ['ada@kabutar.test'],
      message_id: '<rich@far.test>',
      text: null,
      truncated: [],
      undecoded: [],
      html_format: 'data_uri',
    })
    assert.deepEqual(Object.keys(headers as object).slice(0, 3), ['return-path', 'received', 'from'])
    assert.equal((headers as Record<string, string>).received, 'from a\nfrom b')
    assert.equal(html, `<p>hi <img src="data:image/png;base64,${PNG.toString('base64')}"> <img src="cid:other"></p>`)
    assert.deepEqual(
      attachments.map(({ id: _, ...rest }) => rest),
      [
        {
          filename: 'lögo.png',
          size: PNG.length,
          content_type: 'image/png',
          content_id: 'logo@far',
          content_disposition: 'inline',
        },
        {
          filename: '../evil.html',
          size: 27,
          content_type: 'text/html',
          content_id: null,
          content_disposition: 'attachment',
        },
      ],
    )
    const plain = await get(rig, id, '?html_format=cid')
    assert.deepEqual([plain.html_format, /cid:logo@far/.test(String(plain.html))], ['cid', true])
    const whole = await download(rig, raw.download_url)
    assert.ok(Buffer.from(await whole.arrayBuffer()).equals(Buffer.from(RICH)))
    assert.equal((await call(rig, `GET /emails/receiving/${id}?html_format=x`)).status, 422)
  })

  test('is listed, newest first, in pages', async () => {
    const rig = await setup()
    const ids: string[] = []
    for (let n = 0; n < 5; n++) {
      ids.unshift(await receiveOne(rig, letter(`Subject: ${n}`)))
      rig.ports.clock.advance(1000)
    }
    const page = async (query: string) => {
      const { body } = await call(rig, `GET /emails/receiving?${query}`)
      return [(body.data as { id: string }[]).map(({ id }) => ids.indexOf(id)), body.has_more]
    }
    assert.deepEqual(await page(''), [[0, 1, 2, 3, 4], false])
    assert.deepEqual(await page('limit=2'), [[0, 1], true])
    assert.deepEqual(await page(`limit=2&after=${ids[1]}`), [[2, 3], true])
    assert.deepEqual(await page(`limit=2&before=${ids[3]}`), [[1, 2], true])
    assert.equal((await call(rig, 'GET /emails/receiving?limit=0')).status, 422)
  })

  test('gives its attachments with links, all or in pages', async () => {
    const rig = await setup()
    const id = await receiveOne(rig, RICH)
    const path = `/emails/receiving/${id}/attachments`
    const { body } = await call(rig, `GET ${path}`)
    const data = body.data as Record<string, string>[]
    assert.deepEqual(
      (await get(rig, id)).attachments.map((one) => one.id),
      data.map((one) => one.id),
    )
    const [image, evil] = data
    assert.deepEqual([image?.content_id, image?.content_disposition], ['logo@far', 'inline'])
    assert.ok(Date.parse(image?.expires_at ?? '') === rig.ports.clock.now() + 3_600_000)
    const bytes = await (await download(rig, image?.download_url ?? '')).arrayBuffer()
    assert.ok(Buffer.from(bytes).equals(PNG))
    assert.equal(await (await download(rig, evil?.download_url ?? '')).text(), '<script>alert("x")</script>')
    const one = (await call(rig, `GET ${path}/${evil?.id}`)).body
    assert.deepEqual([one.object, one.filename, one.download_url], ['attachment', '../evil.html', evil?.download_url])
    const ids = async (query: string) => {
      const page = (await call(rig, `GET ${path}?${query}`)).body
      return [(page.data as { id: string }[]).map((found) => (found.id === image?.id ? 0 : 1)), page.has_more]
    }
    assert.deepEqual(await ids('limit=1'), [[0], true])
    assert.deepEqual(await ids(`after=${image?.id}`), [[1], false])
    assert.deepEqual(await ids(`before=${evil?.id}`), [[0], false])
    assert.equal((await call(rig, `GET ${path}/${id}`)).status, 404)
    assert.equal((await call(rig, `GET ${path}/nonsense`)).body.name, 'invalid_parameter')
  })

  test('is deleted with everything that belongs to it', async () => {
    const rig = await setup()
    const id = await receiveOne(rig, RICH)
    const { raw } = await get(rig, id)
    assert.deepEqual((await call(rig, `DELETE /emails/receiving/${id}`)).body, { object: 'email', id, deleted: true })
    for (const request of [`GET /emails/receiving/${id}`, `DELETE /emails/receiving/${id}`]) {
      assert.equal((await call(rig, request)).status, 404)
    }
    assert.equal((await download(rig, raw.download_url)).status, 404)
    assert.deepEqual((await call(rig, 'GET /emails/receiving')).body.data, [])
  })

  test('is refused to a key that may only send', async () => {
    const rig = await setup()
    const { token } = await createKey(rig.ports, 'a', { name: 's', permission: 'sending_access' })
    for (const request of ['GET /emails/receiving', 'POST /emails/receiving/inject']) {
      assert.equal((await call({ ...rig, token }, request)).body.name, 'restricted_api_key')
    }
  })
})

describe('an answer stays below 4.5 MB', () => {
  const cases = [
    { name: 'a large image stays a cid', image: 4_000_000, html: 10, expected: { image: false, html: true } },
    { name: 'a small image becomes a data URI', image: 1_000_000, html: 10, expected: { image: true, html: true } },
    { name: 'a larger body is left out', image: 10, html: 3_000_000, expected: { image: false, html: false } },
  ]
  for (const { name, image, html, expected } of cases) {
    test(name, async () => {
      const rig = await setup()
      const body = [
        part('Content-Type: text/html', `<img src="cid:i@x"><img src="cid:i@x">${'\\'.repeat(html)}`),
        part(
          'Content-Type: image/png\nContent-ID: <i@x>\nContent-Disposition: inline\nContent-Transfer-Encoding: base64',
          Buffer.alloc(image).toString('base64'),
        ),
      ]
      const id = await receiveOne(
        rig,
        letter('Content-Type: multipart/related; boundary=b', `${body.join('')}--b--\r\n`),
      )
      const whole = await get(rig, id)
      assert.ok(JSON.stringify(whole).length <= MAX_ANSWER_BYTES)
      assert.deepEqual({ image: /data:image/.test(String(whole.html)), html: whole.html !== null }, expected)
    })
  }
})

describe('a download', () => {
  test('cannot run under our name, and needs no key', async () => {
    const rig = await setup()
    const id = await receiveOne(rig, RICH)
    const data = (await call(rig, `GET /emails/receiving/${id}/attachments`)).body.data as { download_url: string }[]
    const { raw } = await get(rig, id)
    for (const url of [...data.map(({ download_url }) => download_url), raw.download_url]) {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await download(rig, url, { method })
        assert.equal(status, 200)
        assert.match(headers.get('content-disposition') ?? '', /^attachment; filename="[^/"]+"/)
        assert.equal(headers.get('x-content-type-options'), 'nosniff')
        assert.equal(headers.get('content-security-policy'), "sandbox; default-src 'none'")
      }
    }
    const head = await download(rig, raw.download_url, { method: 'HEAD' })
    assert.equal(head.headers.get('content-length'), String(RICH.length))
    assert.equal(await head.text(), '')
  })

  test('opens what was signed, until it expires', async () => {
    const rig = await setup()
    const id = await receiveOne(rig, RICH)
    const other = await receiveOne(rig, letter('Subject: other'))
    const { raw } = await get(rig, id)
    const changed = (change: (url: URL) => void) => {
      const url = new URL(raw.download_url)
      change(url)
      return url.href
    }
    const tampered = [
      changed((url) => url.searchParams.set('expires', '9999999999')),
      changed((url) => url.searchParams.set('type', 'text/html')),
      changed((url) => url.searchParams.set('part', '0-10-7bit')),
      changed((url) => url.searchParams.delete('signature')),
      changed((url) => {
        url.pathname = `/downloads/a/${other}`
      }),
      changed((url) => {
        url.pathname = `/downloads/b/${id}`
      }),
      `http://x/downloads/a/${id}`,
    ]
    for (const url of tampered) {
      const answer = await download(rig, url)
      const body = (await answer.json()) as Record<string, unknown>
      assert.deepEqual([answer.status, body.statusCode, body.name], [403, 403, 'invalid_access'], url)
    }
    rig.ports.clock.advance(3_601_000)
    assert.equal((await download(rig, raw.download_url)).status, 403)
  })

  test('of a whole blob supports ranges', async () => {
    const rig = await setup()
    const { raw } = await get(rig, await receiveOne(rig, RICH))
    const range = async (bytes: string) => {
      const answer = await download(rig, raw.download_url, { headers: { Range: bytes } })
      return [answer.status, answer.headers.get('content-range'), await answer.text()]
    }
    const size = RICH.length
    assert.deepEqual(await range('bytes=0-10'), [206, `bytes 0-10/${size}`, RICH.slice(0, 11)])
    assert.deepEqual(await range('bytes=-4'), [206, `bytes ${size - 4}-${size - 1}/${size}`, RICH.slice(-4)])
    assert.deepEqual(await range(`bytes=${size}-`), [416, `bytes */${size}`, ''])
    assert.equal((await range('lines=1-2'))[0], 200)
  })
})

describe('inject', () => {
  test('accepts JSON, several recipients, and any line ends', async () => {
    const rig = await setup()
    const raw = Buffer.from('Subject: lf\n\nbody\rmore\r\n').toString('base64')
    const request = { raw, to: ['a@kabutar.test', 'b@second.test'], from: 'e@far.test' }
    const made = await call(rig, 'POST /emails/receiving/inject', request, { 'Content-Type': 'application/json' })
    assert.equal(made.status, 201)
    await drainReceived(rig.ports)
    const whole = await get(rig, made.body.id as string)
    assert.deepEqual([whole.subject, whole.received_for], ['lf', request.to])
    const bytes = await (await download(rig, whole.raw.download_url)).text()
    assert.equal(bytes, 'Subject: lf\r\n\r\nbody\r\nmore\r\n')
  })

  test('refuses domains of others and requests without recipients', async () => {
    const rig = await setup()
    const mime = { 'Content-Type': 'message/rfc822' }
    const json = { 'Content-Type': 'application/json' }
    const cases: [string, unknown, object, number, string][] = [
      ['?to=x@other.test', 'x', mime, 403, 'validation_error'],
      ['?to=x@b.test', 'x', mime, 403, 'validation_error'],
      ['', 'x', mime, 422, 'missing_required_field'],
      ['', { raw: 'eA==' }, json, 422, 'missing_required_field'],
      ['', { raw: '$', to: 'ada@kabutar.test' }, json, 422, 'validation_error'],
    ]
    for (const [query, body, headers, status, name] of cases) {
      const answer = await call(rig, `POST /emails/receiving/inject${query}`, body, headers)
      assert.deepEqual([answer.status, answer.body.name], [status, name], JSON.stringify(answer.body))
    }
    assert.equal((await rig.ports.receiveQueue.depth()).ready, 0)
  })
})
