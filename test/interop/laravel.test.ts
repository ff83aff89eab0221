/**
 * Bodies as PHP's json_encode writes them from the mail transports of laravel/framework and resend/resend-laravel: null for
 * a body that is not there, [] for an empty map, and {} for the headers of a mail with attachments.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Resend } from 'resend'
import { ok, until } from '../flows/support/ask.ts'
import { type Server, startServer } from '../flows/support/server.ts'

type Mail = { readonly name: string; readonly received: object; readonly files?: readonly (string | null)[] }

const MAILS: readonly Mail[] = [
  { name: 'html-mail', received: { from: 'Ada <ada@kabutar.test>', subject: 'HTML mail', html: '<p>Grüße</p>' } },
  {
    name: 'markdown-mail',
    received: {
      from: '"Acme (Sales)" <ada@kabutar.test>',
      subject: 'Markdown mail',
      cc: ['"Doe, Cy" <cy@kabutar.test>'],
      reply_to: ['Support <support@kabutar.test>'],
      html: '<p>Welcome</p>',
      text: 'Welcome',
    },
  },
  { name: 'text-mail', received: { subject: 'Text mail', html: null, text: 'Only text' } },
  { name: 'attachment', received: { subject: 'With a file', html: '<p>See the file.</p>' }, files: ['one', 'two'] },
]

describe('mail of Laravel', () => {
  let server: Server
  let resend: Resend
  before(async () => {
    server = await startServer()
    resend = new Resend(server.apiKey, { baseUrl: server.url })
  })
  after(() => server?.close())

  for (const { name, received, files = [] } of MAILS) {
    test(`${name} arrives as it was written`, async () => {
      const body = readFileSync(join(import.meta.dirname, 'laravel', `${name}.json`), 'utf8')
      const answer = await fetch(`${server.url}/emails`, {
        method: 'POST',
        headers: {
          Accept: 'application/json',
          Authorization: `Bearer ${server.apiKey}`,
          'Content-Type': 'application/json',
          'User-Agent': 'resend-php/1.1.0',
        },
        body,
      })
      assert.equal(answer.status, 200, await answer.text())
      const { subject } = JSON.parse(body)
      const id = await until('the mail to arrive', async () => {
        const { data } = await ok(resend.emails.receiving.list())
        return data.find((email) => email.subject === subject)?.id
      })
      const mail = await ok(resend.emails.receiving.get(id))
      const shown = { ...mail, html: mail.html?.trim() ?? null, text: mail.text?.trim() ?? null }
      assert.partialDeepStrictEqual(shown, received)
      const { data } = await ok(resend.emails.receiving.attachments.list({ emailId: id }))
      const contents = await Promise.all(data.map(async (file) => (await fetch(file.download_url)).text()))
      assert.deepEqual(contents, files)
    })
  }
})
