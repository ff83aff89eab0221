import { queueHandler } from '@kabutar/aws/lambda/queue-handler.ts'
import { feedbackFromSes } from '@kabutar/aws/ses/feedback.ts'
import { keepWaiting } from '@kabutar/aws/sqs/waiting-entries.ts'
import { setting } from './settings.ts'
import { basicPorts, queuePorts, webhookPorts } from './wiring.ts'

const ports = {
  ...basicPorts(),
  ...queuePorts('webhookQueue', 'feedbackQueue'),
  ...webhookPorts(),
  region: setting('AWS_REGION'),
}

/** Feedback queue (configuration set -> SNS -> SQS) to the status of recipients. */
export const handler = queueHandler(
  ports.feedbackQueue,
  keepWaiting(ports, 'feedback', (batch, signal) => feedbackFromSes(ports, batch, signal)),
)
