/**
 * Finds the table, the queues and the bucket of a deployed stage by the names and tags that SST gives them; it needs no
 * state of SST. A prefix alone is not enough: `kabutar-prod-` also begins the names of the stage `prod-eu`.
 */
import {
  DescribeTableCommand,
  type DynamoDBClient,
  ListTablesCommand,
  ListTagsOfResourceCommand,
} from '@aws-sdk/client-dynamodb'
import { ListBucketsCommand, type S3Client } from '@aws-sdk/client-s3'
import { ListQueuesCommand, ListQueueTagsCommand, type SQSClient } from '@aws-sdk/client-sqs'

const APP = 'kabutar'
const MAX_PAGES = 100

/** Matches the name of a component of exactly this stage, which ends in a hash. */
const namePattern = (stage: string, component: string) => new RegExp(`(?:^|/)${APP}-${stage}-${component}-[a-z]+$`)

type Tags = Readonly<Record<string, string | undefined>>
const isTagged = (tags: Tags, stage: string) => tags['sst:app'] === APP && tags['sst:stage'] === stage

/** Follows the pages of a list. @throws {Error} if it does not end */
async function allPages<T>(page: (from: string | undefined) => Promise<readonly [readonly T[], string | undefined]>) {
  const all: T[] = []
  let from: string | undefined
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const [items, next] = await page(from)
    all.push(...items)
    if (next === undefined) return all
    from = next
  }
  throw new Error('a list of AWS has too many pages')
}

/**
 * Answers the name of the table; `chosen` names one of several, as after a removal that kept the table.
 * @throws {Error} if the stage has none in this account and region, or several
 */
export async function tableOf(client: DynamoDBClient, stage: string, chosen?: string): Promise<string> {
  const names = await allPages<string>(async (from) => {
    const answer = await client.send(new ListTablesCommand(from === undefined ? {} : { ExclusiveStartTableName: from }))
    return [answer.TableNames ?? [], answer.LastEvaluatedTableName]
  })
  const own: string[] = []
  for (const name of names.filter((one) => namePattern(stage, 'TableTable').test(one))) {
    if (isTagged(await tagsOfTable(client, name), stage)) own.push(name)
  }
  const [first, ...others] = chosen === undefined ? own : own.filter((name) => name === chosen)
  if (first === undefined && chosen !== undefined) throw new Error(`${chosen} is not a table of the stage ${stage}`)
  if (first === undefined) {
    throw new Error(`stage ${stage} is not deployed here; run "npx sst deploy --stage ${stage}", or set AWS_REGION`)
  }
  if (others.length === 0) return first
  throw new Error(`stage ${stage} has several tables (${own.join(', ')}): name the one in use with --table`)
}

async function tagsOfTable(client: DynamoDBClient, TableName: string): Promise<Tags> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }))
  const { Tags = [] } = await client.send(new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn }))
  return Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]))
}

/** Lists the URLs of the stage's queues by component, such as `Send` and `SendDead`. @throws {Error} if two have one name */
export async function queuesOf(client: SQSClient, stage: string): Promise<ReadonlyMap<string, string>> {
  const QueueNamePrefix = `${APP}-${stage}-`
  const urls = await allPages<string>(async (NextToken) => {
    const answer = await client.send(new ListQueuesCommand({ QueueNamePrefix, MaxResults: 1000, NextToken }))
    return [answer.QueueUrls ?? [], answer.NextToken]
  })
  const found = new Map<string, string>()
  for (const url of urls) {
    const [, name] = namePattern(stage, '([A-Z][A-Za-z]*)Queue').exec(url) ?? []
    if (name === undefined) continue
    const { Tags = {} } = await client.send(new ListQueueTagsCommand({ QueueUrl: url }))
    if (!isTagged(Tags, stage)) continue
    const other = found.get(name)
    if (other !== undefined) throw new Error(`stage ${stage} has two queues ${name}: ${other} and ${url}`)
    found.set(name, url)
  }
  return found
}

type DeadLetters = { readonly name: string; readonly from: string; readonly to: string }

/** Lists each dead-letter queue with the queue that it belongs to. @throws {Error} if two queues have one name */
export async function deadLettersOf(client: SQSClient, stage: string): Promise<readonly DeadLetters[]> {
  const queues = await queuesOf(client, stage)
  return [...queues].flatMap(([name, to]) => {
    const from = queues.get(`${name}Dead`)
    return from === undefined ? [] : [{ name: name.toLowerCase(), from, to }]
  })
}

/** Lists the buckets of the stage that exist in this account; SST shortens the name of the app to what fits. */
export async function bucketsOf(client: S3Client, stage: string): Promise<readonly string[]> {
  const names = await allPages<string>(async (ContinuationToken) => {
    const answer = await client.send(new ListBucketsCommand({ ContinuationToken }))
    return [(answer.Buckets ?? []).flatMap(({ Name }) => Name ?? []), answer.ContinuationToken]
  })
  const rest = new RegExp(`^-${stage.toLowerCase()}-blobsbucket-[a-z]+$`)
  return names.filter((name) => {
    const app = name.slice(0, name.indexOf('-'))
    return app !== '' && APP.startsWith(app) && rest.test(name.slice(app.length))
  })
}
