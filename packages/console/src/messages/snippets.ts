/** Makes code to paste, filled in with the address of this server. */

export type SentBody = {
  readonly from: string
  readonly to: readonly string[]
  readonly cc?: readonly string[] | null
  readonly bcc?: readonly string[] | null
  readonly reply_to?: readonly string[] | null
  readonly subject: string
  readonly html?: string | null
  readonly text?: string | null
  readonly tags?: readonly { readonly name: string; readonly value: string }[] | null
}
type Sample = { readonly from: string; readonly to: string }

/** Quotes a word for a POSIX shell. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
const withoutSlash = (url: string) => url.replace(/\/$/, '')

/** Makes the request that sends the same message again, without attachments. The reader fills in the key. */
export function curlOf(url: string, message: SentBody): string {
  const { from, to, cc, bcc, reply_to, subject, html, text, tags } = message
  const fields = Object.entries({ from, to, cc, bcc, reply_to, subject, html, text, tags })
  const given = fields.filter(([, value]) => value !== null && value !== undefined && value.length > 0)
  const body = JSON.stringify(Object.fromEntries(given))
  return `curl ${withoutSlash(url)}/emails -H "Authorization: Bearer $RESEND_API_KEY" \\\n  -d ${quoted(body)}`
}

export function curlSnippet(url: string, { from, to }: Sample): string {
  const body = JSON.stringify({ from, to, subject: 'Hello', text: 'It flies.' })
  return `curl ${withoutSlash(url)}/emails -H "Authorization: Bearer re_…" \\\n  -d ${quoted(body)}`
}

export function sdkSnippet(url: string, { from, to }: Sample): string {
  return `import { Resend } from 'resend'

const resend = new Resend('re_…', { baseUrl: '${withoutSlash(url)}' })
await resend.emails.send({
  from: '${from}',
  to: '${to}',
  subject: 'Hello',
  text: 'It flies.',
})`
}

/** `listener` is host and port. */
export function smtpSnippet(listener: string, { to }: Sample): string {
  return `printf 'From: ada@example.org\\r\\nTo: ${to}\\r\\nSubject: Hello\\r\\n\\r\\nIt flies.\\r\\n' |
  curl smtp://${listener} --mail-from ada@example.org --mail-rcpt ${to} -T -`
}

/** Makes a message that shows what the page can show: text, HTML, and an image that is inside it. */
export function sampleMessage({ from, to }: Sample) {
  return {
    from: `Kabutar <${from}>`,
    to: [to],
    subject: 'It flies: your first message',
    text: 'Hello,\n\nthis message went through the whole way: accepted, queued, sent, captured, and received again.\n\nKabutar, the carrier pigeon',
    html: SAMPLE_HTML,
  }
}

const SAMPLE_HTML = `<!doctype html>
<html><head><meta charset="utf-8"><style>
  body { margin: 0; background: #f3f1ec; font: 16px/1.6 sans-serif; color: #1f2328 }
  .card { max-width: 520px; margin: 32px auto; padding: 32px; background: #fff; border-radius: 12px }
  .code { display: inline-block; padding: 8px 20px; background: #e1f0ed; border-radius: 8px; font: 600 24px monospace; letter-spacing: 4px }
  @media (prefers-color-scheme: dark) { body { background: #15181b; color: #e8eaec } .card { background: #1c2024 } .code { background: #1d3a37 } }
</style></head><body><div class="card">
  <h1 style="margin-top:0;font-size:24px">It flies</h1>
  <p>This message went through the whole way: accepted, queued, sent, captured, and received again.</p>
  <p class="code">482 913</p>
  <p>Look at its <strong>timeline</strong>, its source and its headers, or send your own.</p>
  <p style="color:#5d636b;font-size:14px">Kabutar, the carrier pigeon</p>
</div></body></html>`
