import { toLambda } from '@kabutar/aws/lambda/queue-handler.ts'
import { feedbackBatch } from '@kabutar/core/feedback/feedback.ts'
import { basicPorts, feedbackPorts, queuePorts, webhookPorts } from './ports.ts'

const ports = { ...basicPorts(), ...queuePorts('webhookQueue', 'feedbackQueue'), ...webhookPorts(), ...feedbackPorts() }

/** What SES says afterwards (configuration set -> SNS -> SQS) to the status of recipients. */
export const handler = toLambda(ports.feedbackQueue, (batch, signal) => feedbackBatch(ports, batch, signal))
