import { fileURLToPath } from 'node:url'
import type { Settings } from './settings.ts'
import { hostText } from './settings-values.ts'

type Running = {
  readonly url: string
  readonly console: boolean
  readonly smtp: string | undefined
  readonly newKey?: string
}
type Shown = Pick<Settings, 'relay' | 'domains' | 'dataFolder' | 'apiKey' | 'retention'>

/**
 * Builds the text that a start prints: the addresses, what becomes of mail, where things are, the API key if it is new, and
 * ways to send and to see the mail that can be pasted.
 */
export function banner(running: Running, settings: Shown): string {
  const { url, smtp, newKey } = running
  const key = newKey ?? (settings.apiKey === undefined ? '$RESEND_API_KEY' : '$KABUTAR_API_KEY')
  const domain = settings.domains[0] ?? 'your.domain'
  const mail = `"from":"hello@${domain}","to":"delivered@resend.dev","subject":"Hello","text":"It flies."`
  return `Kabutar listens on ${url}
${consoleLine(running)}
${smtp === undefined ? '' : `SMTP ${smtp}\n`}
${relayLines(settings)}
May send:  ${settings.domains.join(', ')} (KABUTAR_DOMAINS), and domains that are verified over the API
Data:      ${settings.dataFolder}
${keptLine(settings)}Docs:      ${fileURLToPath(new URL('../../../docs', import.meta.url))}, and ${url}/openapi.json

${keyLines(running, settings)}
Send with curl:

  curl ${url}/emails -H "Authorization: Bearer ${key}" -d '{${mail}}'

and see what was sent:

  curl ${url}/emails -H "Authorization: Bearer ${key}"

or with the resend SDK (npm install resend):

  import { Resend } from 'resend'
  const resend = new Resend('${newKey ?? 're_...'}', { baseUrl: '${url}' })
  console.log(await resend.emails.send({ from: 'hello@${domain}', to: 'delivered@resend.dev', subject: 'Hello', text: 'It flies.' }))
`
}

function consoleLine({ url, console }: Running): string {
  return console ? `Console ${url}/` : 'Console is not built: npm run prepare'
}

/** Nothing if all is kept, which is what most expect. */
function keptLine({ retention: { contentDays, eventDays } }: Shown): string {
  const kept = [contentDays && `content for ${contentDays} days`, eventDays && `events for ${eventDays} days`].filter(
    Boolean,
  )
  return kept.length === 0 ? '' : `Kept:      ${kept.join(', ')} (KABUTAR_RETENTION)\n`
}

function relayLines({ relay }: Shown): string {
  if (relay.kind === 'smtp') return `Mail:      leaves through ${hostText(relay.host)}:${relay.port} (KABUTAR_RELAY)`
  return `Mail:      is captured: nothing leaves this machine. To send it for real, name a smart host and your domain:
           KABUTAR_RELAY=smtp://user:password@smtp.example.org:587 KABUTAR_DOMAINS=your.domain npm start`
}

function keyLines({ newKey }: Running, { apiKey }: Shown): string {
  if (newKey !== undefined) return `Your API key, shown this once:\n\n  ${newKey}\n`
  if (apiKey !== undefined) return 'Your API key is that of KABUTAR_API_KEY.\n'
  return 'Your API key was shown at the first start. If it is lost, make another: npm run account -- keys create NAME\n'
}
