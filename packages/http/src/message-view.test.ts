/** The document of a message: its policy, its links, and the HTML that the sanitiser leaves. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { JobError } from '@kabutar/core/ports/compute.ts'
import { call, MAIL, receiveOne, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { MAX_ANSWER_BYTES } from './answer.ts'
import { loadSanitizer } from './sanitize-message.ts'

const PNG = Buffer.from('\x89PNG\r\n\x1a\nrest', 'latin1')

async function view(rig: Setup, path: string, body: object = {}) {
  const link = await call(rig, `POST ${path}/view`, body)
  assert.equal(link.status, 200, JSON.stringify(link.body))
  const answer = await rig.app.request(link.body.path as string)
  return { link: link.body, status: answer.status, headers: answer.headers, html: await answer.text() }
}

describe('the document of a message', () => {
  test('of a sent one has an opaque origin, runs nothing and asks for nothing', async () => {
    const rig = await setup()
    const html = '<p>Hi</p><script>alert(1)</script><img src="https://track.test/1.png"><a href="https://x.test/">x</a>'
    const { body } = await call(rig, 'POST /emails', { ...MAIL, html })
    const shown = await view(rig, `/emails/${body.id}`)
    assert.equal(shown.status, 200)
    assert.equal(
      shown.headers.get('content-security-policy'),
      "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; " +
        "style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
    )
    assert.equal(shown.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(shown.headers.get('referrer-policy'), 'no-referrer')
    assert.match(shown.headers.get('cache-control') ?? '', /no-store/)
    assert.match(shown.html, /^<!doctype html><html><head><meta charset="utf-8"><base target="_blank">/)
    assert.match(shown.html, /<p>Hi<\/p>/)
    assert.doesNotMatch(shown.html, /script|alert|track\.test/)
    assert.match(shown.html, /<a href="https:\/\/x\.test\/" target="_blank" rel="noopener noreferrer">/)
    assert.deepEqual([shown.link.images, shown.link.remote_images, shown.link.truncated], [false, 1, false])
  })

  test('with images asks for those of other servers, and for nothing else', async () => {
    const rig = await setup()
    const { body } = await call(rig, 'POST /emails', { ...MAIL, html: '<img src="https://track.test/1.png">' })
    const { headers, html } = await view(rig, `/emails/${body.id}`, { images: true })
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'; img-src data: https: http:; style/)
    assert.match(html, /track\.test/)
  })

  test('has the images that the message brings along, of both directions', async () => {
    const rig = await setup()
    const html = '<img src="cid:logo">'
    const attachments = [{ filename: 'l.png', content: PNG.toString('base64'), content_id: 'logo' }]
    const { body } = await call(rig, 'POST /emails', { ...MAIL, html, attachments })
    const source = (await call(rig, `GET /emails/${body.id}/source`)).body.source as string
    const uri = `<img src="data:image/png;base64,${PNG.toString('base64')}"`
    assert.ok((await view(rig, `/emails/${body.id}`)).html.includes(uri))
    const received = await receiveOne(rig, source)
    assert.ok((await view(rig, `/emails/receiving/${received}`)).html.includes(uri))
  })

  test('of a message without HTML is its text', async () => {
    const rig = await setup()
    const { body } = await call(rig, 'POST /emails', { ...MAIL, text: '1 < 2 & <script>alert(1)</script>' })
    const { html } = await view(rig, `/emails/${body.id}`)
    assert.match(html, /<pre[^>]*>1 &lt; 2 &amp; &lt;script&gt;alert/)
  })

  test('of HTML that is too hard to sanitise is the text', async () => {
    const rig = await setup()
    const { body } = await call(rig, 'POST /emails', { ...MAIL, html: '<b>hard</b>', text: 'easy' })
    const { run } = rig.ports.compute
    const refused: string[] = []
    Object.assign(rig.ports.compute, {
      run: async (...job: Parameters<typeof run>) => {
        if (!['scan-html', 'sanitize-message'].includes(job[0].name)) return run(...job)
        refused.push(job[0].name)
        throw new JobError('took too long')
      },
    })
    try {
      const { link, html } = await view(rig, `/emails/${body.id}`)
      assert.match(html, /<pre[^>]*>easy<\/pre>/)
      assert.deepEqual([link.remote_images, link.truncated], [0, true])
      assert.deepEqual(refused, ['scan-html', 'sanitize-message'])
    } finally {
      Object.assign(rig.ports.compute, { run })
    }
  })

  test('of HTML that grows past an answer is the text, which is cut to one', async () => {
    const rig = await setup()
    const html = `<b title='${'"'.repeat(1024 * 1024 - 100)}'>large</b>`
    const { body } = await call(rig, 'POST /emails', { ...MAIL, html, text: `easy ${'&'.repeat(1024 * 1024)}` })
    const shown = await view(rig, `/emails/${body.id}`)
    assert.match(shown.html.slice(0, 300), /<pre[^>]*>easy /)
    assert.ok(Buffer.byteLength(shown.html) <= MAX_ANSWER_BYTES, `${Buffer.byteLength(shown.html)}`)
  })

  test('is behind a link of that account, message and choice of images alone, for ten minutes', async () => {
    const rig = await setup()
    const { body } = await call(rig, 'POST /emails', { ...MAIL, html: '<b>x</b>' })
    const { body: other } = await call(rig, 'POST /emails', { ...MAIL, html: '<b>y</b>' })
    const { link } = await view(rig, `/emails/${body.id}`)
    const path = link.path as string
    const status = async (changed: string) => (await rig.app.request(changed)).status
    assert.equal(await status(path), 200)
    assert.equal(await status(`/api${path}`), 200)
    const forged = [
      path.replace('images=0', 'images=1'),
      path.replace('images=0', 'images=1&images=0'),
      path.replace(body.id as string, other.id as string),
      path.replace('/view/a/', '/view/b/'),
      path.replace('/view/a/', '/view/%61b/'),
      path.replace('/sent/', '/received/'),
      path.replace(/expires=(\d+)/, (_, at) => `expires=${Number(at) + 1}`),
      path.replace(/expires=\d+/, 'expires=99999999999'),
      path.replace(/expires=(\d+)/, 'expires=$1+'),
      path.replace(/&expires=\d+/, ''),
      path.replace(/signature=.*$/, 'signature='),
      path.replace(/.$/, ''),
      path.replace(/$/, '='),
      path.replace(/signature=.*$/, (text) => text.toLowerCase()),
      path.split('?')[0] ?? '',
    ]
    assert.equal(new Set([path, ...forged]).size, 16)
    for (const changed of forged) assert.equal(await status(changed), 403, changed)
    rig.ports.clock.advance(600_000)
    assert.equal(await status(path), 403)
  })
})

describe('the sanitiser', () => {
  const HOSTILE: readonly string[] = [
    '<img src=x onerror=alert(1)>',
    '<svg><script>alert(1)</script><image href="https://e.test/"/></svg>',
    '<math><mtext><img src=x onerror=alert(1)></mtext></math>',
    '<a href="javascript:alert(1)">x</a><a href=" jav&#x09;ascript:alert(1)">x</a>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe><object data=https://e.test/></object>',
    '<form action=https://e.test/><input autofocus onfocus=alert(1)><button>x</button></form>',
    '<meta http-equiv=refresh content="0;url=https://e.test/"><base href=https://e.test/><link rel=stylesheet href=https://e.test/>',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<body onload=alert(1)><table background="https://e.test/"><td background=javascript:alert(1)>',
    '<video src=https://e.test/ poster=https://e.test/></video><audio src=https://e.test/></audio>',
    '<img src="data:image/svg+xml,<svg onload=alert(1)>"><img srcset="https://e.test/ 2x">',
    '<style>@import "x";</style><xmp><script>alert(1)</script></xmp><plaintext><script>alert(1)</script>',
  ]

  for (const html of HOSTILE) {
    test(`leaves nothing that runs or is asked for of ${html.slice(0, 60)}`, async () => {
      const safe = (await loadSanitizer())(html, false)
      assert.doesNotMatch(safe, /<script|<svg|<iframe|<form|<input|<meta|<base|<link|<object|<video|<audio/i)
      assert.doesNotMatch(safe, /\son\w+\s*=|javascript:|https:\/\/e\.test/i)
    })
  }

  test('leaves what a message looks like', async () => {
    const html =
      '<style>.a{color:red}</style><body bgcolor="#fff"><table width="600"><tr><td class="a" style="padding:4px">x</td></tr></table></body>'
    assert.equal((await loadSanitizer())(html, false), html)
  })
})
