/** Returns the error with which SES v2 refuses a raw SendEmail, by its documentation; undefined if it accepts. */
export type SendEmailRequest = {
  readonly FromEmailAddress?: string
  readonly Destination?: {
    readonly ToAddresses?: readonly string[]
    readonly CcAddresses?: readonly string[]
    readonly BccAddresses?: readonly string[]
  }
  readonly Content?: { readonly Raw?: { readonly Data?: string } }
  readonly ConfigurationSetName?: string
  readonly TenantName?: string
  readonly EmailTags?: readonly { readonly Name?: string; readonly Value?: string }[]
}
export type SesError = { readonly status: number; readonly type: string; readonly message: string }
type SesAccount = {
  readonly verified: ReadonlySet<string>
  readonly configurationSets: ReadonlySet<string>
}

const MAX_BYTES = 40 * 1024 * 1024
const MAX_RECIPIENTS = 50
const MAX_LINE = 1000
const TAG = /^[A-Za-z0-9_-]{1,256}$/

const bad = (message: string): SesError => ({ status: 400, type: 'BadRequestException', message })

export function sendRefusal(account: SesAccount, request: SendEmailRequest, raw: Buffer): SesError | undefined {
  if (raw.length > MAX_BYTES) return bad(`Message length is more than ${MAX_BYTES} bytes long`)
  const headers = headersOf(raw)
  const recipients = recipientsOf(request, headers)
  if (recipients.length === 0) return bad('Missing final recipient')
  if (recipients.length > MAX_RECIPIENTS) return bad(`Recipient count exceeds ${MAX_RECIPIENTS}.`)
  if (recipients.some((address) => !/^[^\s@<>]+@[^\s@<>]+$/.test(address))) return bad('Illegal address')
  if (!wellTagged(request)) return bad('Invalid tag')
  const from = request.FromEmailAddress ?? headers.get('from')
  if (!from) return bad('Missing required header From')
  if (longestLine(raw) > MAX_LINE) return bad('Line length exceeds 1000 characters')
  const { ConfigurationSetName: set } = request
  if (set !== undefined && !account.configurationSets.has(set)) {
    return { status: 404, type: 'NotFoundException', message: `Configuration set <${set}> does not exist.` }
  }
  return unverified(account, from)
}

/** The verified identity that a message is sent with: its address, its domain or a parent domain. Empty if there is none. */
export function identityOf(verified: ReadonlySet<string>, request: SendEmailRequest, raw: Buffer): string {
  return identityOfAddress(verified, addressOf(request.FromEmailAddress ?? headersOf(raw).get('from') ?? ''))
}

function identityOfAddress(verified: ReadonlySet<string>, address: string): string {
  const labels = (address.split('@')[1] ?? '').split('.')
  return [address, ...labels.map((_, index) => labels.slice(index).join('.'))].find((one) => verified.has(one)) ?? ''
}

function unverified({ verified }: SesAccount, from: string): SesError | undefined {
  const address = addressOf(from)
  if (identityOfAddress(verified, address) !== '') return undefined
  const message = `Email address is not verified. The following identities failed the check in region US-EAST-1: ${address}`
  return { status: 400, type: 'MessageRejected', message }
}

function wellTagged({ EmailTags = [] }: SendEmailRequest): boolean {
  const names = new Set(EmailTags.map(({ Name }) => Name))
  return (
    names.size === EmailTags.length && EmailTags.every(({ Name = '', Value = '' }) => TAG.test(Name) && TAG.test(Value))
  )
}

/** Returns the recipients of the Destination; without one SES reads the header fields. */
export function recipientsOf({ Destination = {} }: SendEmailRequest, headers: ReadonlyMap<string, string>): string[] {
  const { ToAddresses = [], CcAddresses = [], BccAddresses = [] } = Destination
  const named = [...ToAddresses, ...CcAddresses, ...BccAddresses]
  if (named.length > 0) return named
  const fields = ['to', 'cc', 'bcc'].map((name) => headers.get(name) ?? '').filter(Boolean)
  return fields.flatMap((field) => field.split(',').map(addressOf))
}

export function headersOf(raw: Buffer): ReadonlyMap<string, string> {
  const end = raw.indexOf('\r\n\r\n')
  const text = raw.subarray(0, end < 0 ? raw.length : end).toString('latin1')
  const fields = text.replace(/\r\n[ \t]+/g, ' ').split('\r\n')
  return new Map(
    fields.flatMap((field) => {
      const colon = field.indexOf(':')
      return colon > 0 ? [[field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const] : []
    }),
  )
}

function addressOf(field: string): string {
  return (/<([^>]*)>/.exec(field)?.[1] ?? field).trim().toLowerCase()
}

function longestLine(raw: Buffer): number {
  let longest = 0
  for (let start = 0; start <= raw.length; ) {
    const end = raw.indexOf('\n', start)
    const stop = end < 0 ? raw.length : end
    longest = Math.max(longest, stop - start)
    start = stop + 1
  }
  return longest
}
