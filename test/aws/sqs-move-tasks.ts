/**
 * Adds to fauxqs the two calls by which SQS moves dead letters back. moto lacks them as well, so AWS's documentation of
 * StartMessageMoveTask decides: one active task for a queue, and entries keep their bodies.
 */

export type Answer = { readonly status: number; readonly text: string }
type Call = (operation: string, body: string) => Promise<Answer>
type Task = { readonly SourceArn: string; Status: string; ApproximateNumberOfMessagesMoved: number }
type Received = { readonly Messages?: readonly { readonly Body: string; readonly ReceiptHandle: string }[] }

const nameOf = (arn = '') => arn.slice(arn.lastIndexOf(':') + 1)
const ok = (json: object): Answer => ({ status: 200, text: JSON.stringify(json) })

/** Returns a function that answers these calls, and undefined for all others. */
export function moveTasks() {
  const tasks: Task[] = []
  return async (call: Call, operation: string, body: string): Promise<Answer | undefined> => {
    if (operation === 'ListMessageMoveTasks') {
      const { SourceArn } = JSON.parse(body) as { readonly SourceArn: string }
      return ok({ Results: tasks.filter((task) => task.SourceArn === SourceArn).toReversed() })
    }
    if (operation !== 'StartMessageMoveTask') return undefined
    const { SourceArn, DestinationArn } = JSON.parse(body) as { SourceArn: string; DestinationArn?: string }
    const [source, destination] = await Promise.all([SourceArn, DestinationArn].map((arn) => urlOf(call, nameOf(arn))))
    if (source === undefined || destination === undefined) {
      return refusal(400, 'ResourceNotFoundException', "One or more specified resources don't exist.")
    }
    if (tasks.some((task) => task.SourceArn === SourceArn && task.Status === 'RUNNING')) {
      return refusal(400, 'UnsupportedOperation', 'There is already a task running.')
    }
    const task = { SourceArn, Status: 'RUNNING', ApproximateNumberOfMessagesMoved: 0 }
    tasks.push(task)
    void move(call, task, source, destination)
    return ok({ TaskHandle: Buffer.from(SourceArn).toString('base64') })
  }
}

async function urlOf(call: Call, QueueName: string): Promise<string | undefined> {
  const { status, text } = await call('GetQueueUrl', JSON.stringify({ QueueName }))
  return status === 200 ? (JSON.parse(text) as { readonly QueueUrl: string }).QueueUrl : undefined
}

async function move(call: Call, task: Task, from: string, to: string): Promise<void> {
  for (;;) {
    const polled = await call('ReceiveMessage', JSON.stringify({ QueueUrl: from, MaxNumberOfMessages: 10 }))
    const { Messages = [] } = JSON.parse(polled.text) as Received
    if (Messages.length === 0) break
    for (const { Body, ReceiptHandle } of Messages) {
      await call('SendMessage', JSON.stringify({ QueueUrl: to, MessageBody: Body }))
      await call('DeleteMessage', JSON.stringify({ QueueUrl: from, ReceiptHandle }))
      task.ApproximateNumberOfMessagesMoved++
    }
  }
  task.Status = 'COMPLETED'
}

export function refusal(status: number, type: string, message: string): Answer {
  return { status, text: JSON.stringify({ __type: `com.amazonaws.sqs#${type}`, message }) }
}
