import {
  CreateEmailIdentityCommand,
  DeleteEmailIdentityCommand,
  GetEmailIdentityCommand,
  type GetEmailIdentityCommandOutput,
  PutEmailIdentityFeedbackAttributesCommand,
  PutEmailIdentityMailFromAttributesCommand,
  SESv2Client,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-sesv2'
import { MailError } from '@kabutar/core/errors.ts'
import type { DomainRecord, Identities, Identity, RecordStatus } from '@kabutar/core/ports/identities.ts'
import type { Records } from '@kabutar/core/ports/resolver.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { type ClientOptions, httpHandler } from '../sdk-client.ts'
import type { ReceiptRules } from './receipt-rules.ts'
import { sesCall, type Tenants } from './tenants.ts'

type SesIdentitiesOptions = {
  readonly region: string
  /** `arn:aws:ses:<region>:<account>:identity/`, to which a name is added. */
  readonly identityArn: string
  /** Tag value of identities of this stage; identities without it are never changed. */
  readonly owner: string
  /** Undefined for an installation that only sends. */
  readonly rules: Pick<ReceiptRules, 'receive'> | undefined
  /** Undefined where mail is sent without tenants. */
  readonly tenants?: Tenants | undefined
  /** Looks up the MX record of the domain itself, which SES does not check. */
  readonly records: Pick<Records, 'mx'>
}

const OWNER = 'kabutar'
/** Tag of an identity that somebody else created and that was connected: it is never deleted. */
const CONNECTED = 'kabutar-connected'

/** Three attempts end within 15 s; all calls may be repeated. */
export function identitiesClient(options: ClientOptions = {}): SESv2Client {
  return new SESv2Client({ ...options, maxAttempts: 3, requestHandler: httpHandler({ answerWithinMs: 5_000 }) })
}

/** The Identities port on SES, with Easy DKIM and a MAIL FROM domain, so that SPF aligns with the domain. */
export function sesIdentities(client: SESv2Client, options: SesIdentitiesOptions): Identities {
  const status = async (domain: string) => {
    const found = await getIdentity(client, domain)
    return found && isOurs(found, options) ? identityOf(domain, found, options) : undefined
  }
  return {
    region: options.region,
    ownReturnPath: true,
    receives: options.rules !== undefined,
    status,
    connects: true,
    async create(domain, { accountId, returnPath, connect = false }) {
      const connected =
        (connect && (await connectIdentity(client, domain, options))) || (await createIdentity(client, domain, options))
      if (!connected) {
        await setMailFrom(client, domain, `${returnPath}.${domain}`)
        await forwardNoFeedback(client, domain)
      }
      await options.tenants?.associate(accountId, domain)
      const created = await status(domain)
      if (created === undefined) throw new StoreError('Unavailable', 'an identity that was just created is missing')
      return created
    },
    async remove(domain) {
      const found = await getIdentity(client, domain)
      if (found === undefined || !isOurs(found, options)) return
      await options.tenants?.dissociate(domain)
      if (isConnected(found)) return disconnectIdentity(client, domain, options)
      await sesCall(client.send(new DeleteEmailIdentityCommand({ EmailIdentity: domain })), 'NotFoundException')
    },
    async receive(domain, on) {
      await options.rules?.receive(domain, on)
    },
  }
}

/**
 * Creates the identity, or keeps one with our tag: an earlier attempt made it, or its answer was lost. True if it is one
 * that was connected, and so stays as it is.
 */
async function createIdentity(client: SESv2Client, domain: string, options: SesIdentitiesOptions): Promise<boolean> {
  const command = new CreateEmailIdentityCommand({
    EmailIdentity: domain,
    Tags: [{ Key: OWNER, Value: options.owner }],
  })
  const made = await sesCall(client.send(command), 'AlreadyExistsException')
  if (made !== undefined) return false
  const found = await getIdentity(client, domain)
  if (found === undefined || !isOurs(found, options)) {
    throw new MailError('conflict', `SES already has an identity ${domain} that this installation did not create.`)
  }
  if (isConnected(found)) return true
  // SES gives up on DKIM after three days, and tries again only for a new identity.
  if (found.DkimAttributes?.Status !== 'FAILED') return false
  await options.tenants?.dissociate(domain)
  await sesCall(client.send(new DeleteEmailIdentityCommand({ EmailIdentity: domain })), 'NotFoundException')
  await sesCall(client.send(command), 'AlreadyExistsException')
  return false
}

/**
 * Tags an identity that exists in the account, and changes nothing else of it: whoever made it may send with it as before.
 * False if there is none.
 */
async function connectIdentity(client: SESv2Client, domain: string, options: SesIdentitiesOptions): Promise<boolean> {
  const found = await getIdentity(client, domain)
  if (found === undefined) return false
  if (isOurs(found, options)) return isConnected(found)
  if (found.Tags?.some(({ Key }) => Key === OWNER)) {
    throw new MailError('conflict', `The SES identity ${domain} belongs to another installation of Kabutar.`)
  }
  const Tags = [
    { Key: OWNER, Value: options.owner },
    { Key: CONNECTED, Value: 'true' },
  ]
  await sesCall(client.send(new TagResourceCommand({ ResourceArn: `${options.identityArn}${domain}`, Tags })))
  return true
}

async function disconnectIdentity(client: SESv2Client, domain: string, options: SesIdentitiesOptions): Promise<void> {
  const ResourceArn = `${options.identityArn}${domain}`
  const command = new UntagResourceCommand({ ResourceArn, TagKeys: [OWNER, CONNECTED] })
  await sesCall(client.send(command), 'NotFoundException')
}

/** Stops SES from mailing each bounce to the From address, which may receive here: events report it already. */
async function forwardNoFeedback(client: SESv2Client, domain: string): Promise<void> {
  await sesCall(
    client.send(
      new PutEmailIdentityFeedbackAttributesCommand({ EmailIdentity: domain, EmailForwardingEnabled: false }),
    ),
  )
}

async function setMailFrom(client: SESv2Client, domain: string, MailFromDomain: string): Promise<void> {
  const command = new PutEmailIdentityMailFromAttributesCommand({
    EmailIdentity: domain,
    MailFromDomain,
    // Until the MX record exists, mail has a return path of SES.
    BehaviorOnMxFailure: 'USE_DEFAULT_VALUE',
  })
  await sesCall(client.send(command))
}

function getIdentity(client: SESv2Client, domain: string): Promise<GetEmailIdentityCommandOutput | undefined> {
  return sesCall(client.send(new GetEmailIdentityCommand({ EmailIdentity: domain })), 'NotFoundException')
}

const isOurs = ({ Tags = [] }: GetEmailIdentityCommandOutput, { owner }: SesIdentitiesOptions) =>
  Tags.some(({ Key, Value }) => Key === OWNER && Value === owner)

const isConnected = ({ Tags = [] }: GetEmailIdentityCommandOutput) => Tags.some(({ Key }) => Key === CONNECTED)

const STATUS: Readonly<Record<string, Identity['status']>> = {
  NOT_STARTED: 'pending',
  PENDING: 'pending',
  SUCCESS: 'verified',
  FAILED: 'failed',
  TEMPORARY_FAILURE: 'temporary_failure',
}
const statusOf = (status: string | undefined) => STATUS[status ?? ''] ?? 'pending'

async function identityOf(
  domain: string,
  found: GetEmailIdentityCommandOutput,
  { region, records }: SesIdentitiesOptions,
): Promise<Identity> {
  const dkim = statusOf(found.DkimAttributes?.Status)
  const exchange = `inbound-smtp.${region}.amazonaws.com`
  return {
    status: dkim === 'verified' && found.VerifiedForSendingStatus !== true ? 'pending' : dkim,
    records: [
      ...(found.DkimAttributes?.Tokens ?? []).map((token) => dkimRecord(domain, token, dkim)),
      ...mailFromRecords(found, region),
      {
        record: 'Receiving',
        type: 'MX',
        name: domain,
        value: exchange,
        priority: 10,
        status: await mxStatus(records, domain, exchange),
      },
    ],
  }
}

function dkimRecord(domain: string, token: string, status: RecordStatus): DomainRecord {
  const value = `${token}.dkim.amazonses.com`
  return { record: 'DKIM', type: 'CNAME', name: `${token}._domainkey.${domain}`, value, status }
}

/** Both records have one status, because SES checks only the MX record. */
function mailFromRecords({ MailFromAttributes }: GetEmailIdentityCommandOutput, region: string): DomainRecord[] {
  const name = MailFromAttributes?.MailFromDomain
  if (name === undefined) return []
  const status = statusOf(MailFromAttributes?.MailFromDomainStatus)
  const feedback = `feedback-smtp.${region}.amazonses.com`
  return [
    { record: 'SPF', type: 'MX', name, value: feedback, priority: 10, status },
    { record: 'SPF', type: 'TXT', name, value: 'v=spf1 include:amazonses.com ~all', status },
  ]
}

async function mxStatus(records: Pick<Records, 'mx'>, domain: string, wanted: string): Promise<RecordStatus> {
  try {
    return (await records.mx(domain)).some(({ exchange }) => exchange === wanted) ? 'verified' : 'pending'
  } catch {
    return 'temporary_failure'
  }
}
