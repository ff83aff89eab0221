import { apiGatewayHandler } from '@kabutar/aws/lambda/api-gateway.ts'
import { partLinks } from '@kabutar/aws/s3/part-links.ts'
import { createApp } from '@kabutar/http/app.ts'
import { allowPrivate, basicPorts, blobPorts, queuePorts, storagePorts, webhookPorts } from './wiring.ts'

const stored = blobPorts(() => import('@kabutar/aws/s3/blobs.ts'))
const ports = {
  ...basicPorts(),
  ...stored,
  downloads: partLinks(stored.blobs),
  ...queuePorts('sendQueue', 'webhookQueue', 'receiveQueue'),
  ...webhookPorts(),
  ...storagePorts(),
  queueAfterRows: true,
  allowPrivate: allowPrivate(),
}

// The first Request loads Node's fetch, which takes 35 ms: they should be part of the start and of no user's request.
new Request('http://localhost/')

/**
 * The HTTP API but for the routes of domains, which domains.ts has. It has no operator token: accounts are created with
 * access to the AWS account (`npm run account`).
 */
export const handler = apiGatewayHandler(createApp(ports, { facts: { platform: 'aws', relay: 'ses' } }))
