/** Builds the text that a start prints: the addresses, a new API key, and two ways to send that can be pasted. */
export function banner(
  { url, smtp, newKey }: { readonly url: string; readonly smtp: string | undefined; readonly newKey?: string },
  domain: string,
): string {
  const key = newKey ?? '$KABUTAR_API_KEY'
  const mail = `"from":"hello@${domain}","to":"delivered@resend.dev","subject":"Hello","text":"It flies."`
  return `Kabutar listens on ${url}
${smtp === undefined ? '' : `SMTP ${smtp}\n`}${newKey === undefined ? '' : `\nYour API key, shown this once:\n\n  ${newKey}\n`}
Send with curl:

  curl ${url}/emails -H "Authorization: Bearer ${key}" -d '{${mail}}'

or with the resend SDK (npm install resend):

  import { Resend } from 'resend'
  const resend = new Resend('${newKey ?? 're_...'}', { baseUrl: '${url}' })
  console.log(await resend.emails.send({ from: 'hello@${domain}', to: 'delivered@resend.dev', subject: 'Hello', text: 'It flies.' }))
`
}
