/** Finds the table and the queues of a deployed stage by the names that SST gives them; it needs no state of SST. */
import { type DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { ListQueuesCommand, type SQSClient } from '@aws-sdk/client-sqs'

const APP = 'kabutar'
const MAX_PAGES = 100

/** Answers the name of the table. @throws {Error} if the stage has none in this account and region */
export async function tableOf(client: DynamoDBClient, stage: string): Promise<string> {
  const prefix = `${APP}-${stage}-TableTable-`
  let ExclusiveStartTableName: string | undefined
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await client.send(
      new ListTablesCommand({ ...(ExclusiveStartTableName && { ExclusiveStartTableName }) }),
    )
    const found = answer.TableNames?.find((name) => name.startsWith(prefix))
    if (found !== undefined) return found
    ExclusiveStartTableName = answer.LastEvaluatedTableName
    if (ExclusiveStartTableName === undefined) break
  }
  throw new Error(`stage ${stage} is not deployed here; run "npx sst deploy --stage ${stage}", or set AWS_REGION`)
}

type DeadLetters = { readonly name: string; readonly from: string; readonly to: string }

/** Lists each dead-letter queue with the queue that it belongs to. */
export async function deadLettersOf(client: SQSClient, stage: string): Promise<readonly DeadLetters[]> {
  const { QueueUrls = [] } = await client.send(
    new ListQueuesCommand({ QueueNamePrefix: `${APP}-${stage}-`, MaxResults: 1000 }),
  )
  return QueueUrls.flatMap((from) => {
    const [, name = ''] = /-([A-Z][a-z]+)DeadQueue-[a-z]+$/.exec(from) ?? []
    const to = QueueUrls.find((url) => new RegExp(`-${name}Queue-[a-z]+$`).test(url))
    return name !== '' && to !== undefined ? [{ name: name.toLowerCase(), from, to }] : []
  })
}
