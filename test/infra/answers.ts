import { createHash } from 'node:crypto'

/** Stands in for AWS's answers to Pulumi: computed attributes of resources, and data sources. */
export type Inputs = Readonly<Record<string, unknown>>
export type State = { readonly id: string; readonly state: Inputs }

export const ACCOUNT = '123456789012'
export const REGION = process.env.AWS_REGION ?? 'us-east-1'
const PARTITION = REGION.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'

export function hash(text: string, length = 8): string {
  return createHash('md5').update(text).digest('hex').slice(0, length)
}

function arnOf(service: string, rest: string, region: string = REGION): string {
  return `arn:${PARTITION}:${service}:${region}:${service === 's3' ? '' : ACCOUNT}:${rest}`
}

/** Returns the inputs with the attributes that AWS adds. A name that the program does not set is made like Pulumi's. */
export function resourceState(type: string, logicalName: string, inputs: Inputs): State {
  const name = String(
    inputs.name ??
      inputs.bucket ??
      inputs.configurationSetName ??
      inputs.ruleSetName ??
      `${logicalName}-${hash(logicalName)}`,
  )
  const computed = COMPUTED[type]?.(name, inputs, logicalName) ?? {}
  const [, service = '', kind = ''] = /^aws:([^/:]+)(?:\/[^:]+)?:(.+)$/.exec(type) ?? []
  const arn = service && arnOf(service === 'cloudwatch' ? 'logs' : service, `${kind.toLowerCase()}/${name}`)
  return { id: String(computed.id ?? name), state: { ...inputs, name, ...(arn && { arn }), ...computed } }
}

type Compute = (name: string, inputs: Inputs, logicalName: string) => Inputs

const COMPUTED: Readonly<Record<string, Compute>> = {
  'aws:s3/bucket:Bucket': (name) => ({
    bucket: name,
    arn: `arn:${PARTITION}:s3:::${name}`,
    bucketDomainName: `${name}.s3.amazonaws.com`,
    bucketRegionalDomainName: `${name}.s3.${REGION}.amazonaws.com`,
    region: REGION,
  }),
  'aws:sqs/queue:Queue': (name) => {
    const url = `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${name}`
    return { id: url, url, arn: arnOf('sqs', name) }
  },
  'aws:sns/topic:Topic': (name) => ({ id: arnOf('sns', name), arn: arnOf('sns', name) }),
  'aws:dynamodb/table:Table': (name) => ({ arn: arnOf('dynamodb', `table/${name}`) }),
  'aws:iam/role:Role': (name) => ({ arn: arnOf('iam', `role/${name}`, '') }),
  'aws:lambda/function:Function': (name) => {
    const arn = arnOf('lambda', `function:${name}`)
    const invokeArn = `arn:${PARTITION}:apigateway:${REGION}:lambda:path/2015-03-31/functions/${arn}/invocations`
    return { arn, invokeArn, version: '$LATEST', qualifiedArn: `${arn}:1` }
  },
  'aws:apigatewayv2/api:Api': (_name, _inputs, logicalName) => {
    const id = hash(logicalName, 10)
    const apiEndpoint = `https://${id}.execute-api.${REGION}.amazonaws.com`
    return {
      id,
      arn: `arn:${PARTITION}:apigateway:${REGION}::/apis/${id}`,
      executionArn: arnOf('execute-api', id),
      apiEndpoint,
    }
  },
  'aws:cloudfront/distribution:Distribution': (_name, _inputs, logicalName) => {
    const id = hash(logicalName, 14).toUpperCase()
    return { id, arn: `arn:${PARTITION}:cloudfront::${ACCOUNT}:distribution/${id}`, domainName: `${id}.cloudfront.net` }
  },
  'aws:cloudwatch/logGroup:LogGroup': (name) => ({ arn: arnOf('logs', `log-group:${name}`) }),
  'aws:sesv2/configurationSet:ConfigurationSet': (name) => ({ arn: arnOf('ses', `configuration-set/${name}`) }),
  'random:index/randomBytes:RandomBytes': (_name, inputs, logicalName) => {
    const bytes = createHash('sha256').update(logicalName).digest().subarray(0, Number(inputs.length))
    return { base64: bytes.toString('base64'), hex: bytes.toString('hex') }
  },
}

/**
 * Answers a data source. `activeRuleSet`: the account's active receipt rule set, `none`, or `denied`.
 * @throws {Error} with `details`, as the provider does
 */
export function callOf(token: string, inputs: Inputs, activeRuleSet: string): Inputs {
  switch (token) {
    case 'aws:index/getCallerIdentity:getCallerIdentity':
      return { accountId: ACCOUNT, arn: arnOf('iam', 'user/ci', ''), userId: 'AIDA', id: ACCOUNT }
    case 'aws:index/getRegion:getRegion':
      return { region: REGION, name: REGION, id: REGION }
    case 'aws:index/getPartition:getPartition':
      return { partition: PARTITION, dnsSuffix: 'amazonaws.com', id: PARTITION, reverseDnsPrefix: 'com.amazonaws' }
    case 'aws:iam/getPolicyDocument:getPolicyDocument':
      return policyDocument(inputs as PolicyInputs)
    case 'aws:ses/getActiveReceiptRuleSet:getActiveReceiptRuleSet':
      if (activeRuleSet === 'none') throw providerError('reading SES Active Receipt Rule Set: empty result')
      if (activeRuleSet === 'denied') throw providerError('reading SES Active Receipt Rule Set: AccessDenied')
      return { ruleSetName: activeRuleSet, id: activeRuleSet, arn: arnOf('ses', `receipt-rule-set/${activeRuleSet}`) }
  }
  throw providerError(`no answer is known for ${token} ${JSON.stringify(inputs)}`)
}

function providerError(details: string): Error {
  return Object.assign(new Error(details), { details })
}

type PolicyInputs = {
  readonly statements?: readonly {
    readonly sid?: string
    readonly effect?: string
    readonly actions?: readonly string[]
    readonly resources?: readonly string[]
    readonly principals?: readonly { readonly type: string; readonly identifiers: readonly string[] }[]
    readonly conditions?: readonly {
      readonly test: string
      readonly variable: string
      readonly values: readonly string[]
    }[]
  }[]
}

/** Renders the policy document as the provider does, so that tests read the policies that would be deployed. */
function policyDocument(inputs: PolicyInputs): Inputs {
  const single = <T>(all: readonly T[] | undefined) => (all?.length === 1 ? all[0] : all)
  const Statement = (inputs.statements ?? []).map(
    ({ sid, effect, actions, resources, principals = [], conditions = [] }) => {
      const Condition: Record<string, Record<string, unknown>> = {}
      for (const { test, variable, values } of conditions) {
        Condition[test] = { ...Condition[test], [variable]: single(values) }
      }
      const everyone = principals.some(({ type }) => type === '*')
      const named = Object.fromEntries(principals.map(({ type, identifiers }) => [type, single(identifiers)]))
      return {
        ...(sid && { Sid: sid }),
        Effect: effect ?? 'Allow',
        Action: single(actions),
        Resource: single(resources),
        ...(principals.length > 0 && { Principal: everyone ? '*' : named }),
        ...(conditions.length > 0 && { Condition }),
      }
    },
  )
  const json = JSON.stringify({ Version: '2012-10-17', Statement })
  return { ...inputs, id: hash(json), json, minifiedJson: json }
}
