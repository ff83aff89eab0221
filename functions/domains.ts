import { apiGatewayHandler } from '@kabutar/aws/lambda/api-gateway.ts'
import { createDomainsApp } from '@kabutar/http/domains-app.ts'
import { basicPorts, identityPorts, queuePorts, webhookPorts } from './wiring.ts'

const basic = basicPorts()
const ports = {
  ...basic,
  ...identityPorts(basic.table, () =>
    Promise.all([
      import('@kabutar/aws/ses/identities.ts'),
      import('@kabutar/aws/ses/receipt-rules.ts'),
      import('@kabutar/aws/ses/tenants.ts'),
    ]),
  ),
  ...queuePorts('webhookQueue'),
  ...webhookPorts(),
}

// Node's fetch is loaded in the start, as in api.ts.
new Request('http://localhost/')

/**
 * The routes of domains. They have a function of their own because its role may change receipt rules, for which SES has
 * no ARNs: in the hands of a stranger it could lead away the mail of every domain of the AWS account.
 */
export const handler = apiGatewayHandler(createDomainsApp(ports))
