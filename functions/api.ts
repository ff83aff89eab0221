import { apiGatewayHandler } from '@kabutar/aws/lambda/api-gateway.ts'
import { partLinks } from '@kabutar/aws/s3/part-links.ts'
import { createApp } from '@kabutar/http/app.ts'
import { allowPrivate, basicPorts, blobPorts, identityPorts, queuePorts, storagePorts, webhookPorts } from './wiring.ts'

const stored = blobPorts(() => import('@kabutar/aws/s3/blobs.ts'))
const basic = basicPorts()
const ports = {
  ...basic,
  ...identityPorts(basic.table, () =>
    Promise.all([import('@kabutar/aws/ses/identities.ts'), import('@kabutar/aws/ses/receipt-rules.ts')]),
  ),
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

/** The HTTP API. It has no operator token: accounts are created with access to the AWS account (`npm run account`). */
export const handler = apiGatewayHandler(createApp(ports, { facts: { platform: 'aws', relay: 'ses' } }))
