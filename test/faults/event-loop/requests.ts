/** Requests of a key that cost as much as they can, or as much as an honest one may. */

const MB = 1024 * 1024
const mail = { from: 'ada@kabutar.test', to: 'bob@far.test', subject: 's' }
const body = (more: object) => JSON.stringify({ ...mail, ...more })
const file = (bytes: number) => ({ filename: 'a.bin', content: Buffer.alloc(bytes, 'kabutar').toString('base64') })
const RAW = `Subject: x\r\n\r\n${'all work and no play\r\n'.repeat(1_900_000)}`

/** By name: the path and the body. */
export const REQUESTS: Readonly<Record<string, () => { readonly path?: string; readonly body: string }>> = {
  'JSON: 13,000,000 objects': () => ({ body: `[${'{},'.repeat(1.3e7)}{}]` }),
  'JSON: 20,000,000 levels': () => ({ body: '['.repeat(2e7) + ']'.repeat(2e7) }),
  'JSON: 4,000,000 keys': () => ({
    body: `{${Array.from({ length: 4e6 }, (_, n) => `"${n.toString(36)}":1`).join(',')}}`,
  }),
  'JSON: a string of 40 MB in escapes': () => ({ body: `{"x":"${'\\u0041'.repeat(6.6e6)}"}` }),
  'HTML: 838,000 div': () => ({ body: body({ html: '<div>'.repeat(838_000) }) }),
  'HTML: 2 MB of nested tables': () => ({ body: body({ html: '<table><tr><td>'.repeat(140_000) }) }),
  'HTML: 4 MB of entities': () => ({ body: body({ html: '&amp;x'.repeat(700_000) }) }),
  'HTML: 4 MB of links': () => ({ body: body({ html: '<a href="https://x.test/">x</a>'.repeat(130_000) }) }),
  'HTML: 38 MB': () => ({ body: body({ html: '<p>all work and no play</p>\n'.repeat(1_400_000) }) }),
  'HTML: 38 MB of é': () => ({ body: body({ html: 'é und ü '.repeat(3_800_000) }) }),
  'text: 38 MB': () => ({ body: body({ text: 'all work and no play\n'.repeat(1_800_000) }) }),
  'text: 38 MB of line ends': () => ({ body: body({ text: '\n'.repeat(20 * MB) }) }),
  'a file of 29 MB in base64': () => ({ body: body({ text: 't', attachments: [file(29 * MB)] }) }),
  'a file of 12 MB in numbers': () => ({
    body: body({ text: 't', attachments: [{ filename: 'a', content: Array.from(Buffer.alloc(11 * MB, 200)) }] }),
  }),
  '100 files of 290 KB': () => ({
    body: body({ text: 't', attachments: Array.from({ length: 100 }, () => file(290 * 1024)) }),
  }),
  'an attached message of 28 MB': () => ({
    body: body({
      text: 't',
      attachments: [
        { ...file(0), content_type: 'message/rfc822', content: Buffer.from(RAW.slice(0, 28 * MB)).toString('base64') },
      ],
    }),
  }),
  '100,000 addresses': () => ({ body: body({ to: Array.from({ length: 99_000 }, (_, n) => `a${n}@far.test`) }) }),
  'a message of 40 MB to inject': () => ({
    path: '/emails/receiving/inject',
    body: JSON.stringify({ to: 'ada@kabutar.test', raw: Buffer.from(RAW.slice(0, 40 * MB - 10)).toString('base64') }),
  }),
  'a file of 29 MB to our own domain': () => ({
    body: body({ to: 'ada@kabutar.test', text: 't', attachments: [file(29 * MB)] }),
  }),
}
