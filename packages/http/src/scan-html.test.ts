import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SCAN_HTML } from './scan-html.ts'

const scan = async (html: string) => (await SCAN_HTML.run(html)).remoteImages

describe('images of other servers', () => {
  for (const html of [
    '<img src="https://x.test/1.png">',
    "<IMG SRC = ' //x.test/1.png'>",
    '<img src=http://x.test/1.png>',
    '<td background="https://x.test/1.png">',
    '<p style="background: url( \'https://x.test/1.png\' )">',
    '<style>a { background: url(//x.test/1.png) }</style>',
  ]) {
    test(`are counted in ${html}`, async () => assert.equal(await scan(html), 1))
  }
  for (const html of [
    '<img src="cid:a">',
    '<img src="/1.png">',
    '<a href="https://x.test/">',
    'url(data:image/png,)',
  ]) {
    test(`are not in ${html}`, async () => assert.equal(await scan(html), 0))
  }
})

const MB = 1024 * 1024
for (const [name, html] of Object.entries({
  'blanks in an address': `<img src=${' '.repeat(MB)}x>`,
  'blanks in a style': `url(${' '.repeat(MB)}x`,
  'blanks before the sign': `src${' '.repeat(MB)}x`,
  'end tags of what is not open': '<b>'.repeat(499) + '</i>'.repeat(MB),
})) {
  test(`a megabyte of ${name} is scanned at once`, async () => {
    const start = performance.now()
    await scan(html)
    assert.ok(performance.now() - start < 1000)
  })
}
