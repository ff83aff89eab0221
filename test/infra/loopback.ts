import { bodyOf, serve } from '../aws/servers.ts'
import { ACCOUNT, REGION } from './answers.ts'

const BOOTSTRAP = {
  version: 99,
  asset: 'sst-asset-mock',
  state: 'sst-state-mock',
  assetEcrRegistryId: ACCOUNT,
  assetEcrUrl: `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/sst-asset`,
}

/**
 * Answers the calls that `sst diff` makes itself, parameters in SSM and state in S3, from memory, and the stacks' question
 * whether a receipt rule set exists.
 */
export function startLoopback(ruleSets: readonly string[] = []): Promise<{ endpoint: string; close(): void }> {
  const parameters = new Map([['/sst/bootstrap', JSON.stringify(BOOTSTRAP)]])
  const objects = new Map<string, Buffer>()
  return serve(async (request, response) => {
    const body = await bodyOf(request)
    response.setHeader('connection', 'close')
    const target = request.headers['x-amz-target']
    if (target === 'AmazonSSM.GetParameter' || target === 'AmazonSSM.PutParameter') {
      const { status, json } = ssm(parameters, target, JSON.parse(body.toString()))
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(json))
      return
    }
    const form = new URLSearchParams(body.toString())
    if (form.get('Action') === 'DescribeReceiptRuleSet') {
      const { status, xml } = described(ruleSets, form.get('RuleSetName') ?? '')
      response.writeHead(status, { 'content-type': 'text/xml' }).end(xml)
      return
    }
    const key = request.url?.split('?')[0] ?? ''
    if (request.method === 'PUT') objects.set(key, body)
    const stored = objects.get(key)
    if (stored) {
      response.end(request.method === 'PUT' ? '' : stored)
      return
    }
    response.writeHead(404, { 'content-type': 'application/xml' })
    response.end('<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>')
  })
}

function described(ruleSets: readonly string[], name: string) {
  if (ruleSets.includes(name)) {
    const result = `<Metadata><Name>${name}</Name></Metadata><Rules/>`
    const xml = `<DescribeReceiptRuleSetResult>${result}</DescribeReceiptRuleSetResult>`
    return { status: 200, xml: `<DescribeReceiptRuleSetResponse>${xml}</DescribeReceiptRuleSetResponse>` }
  }
  const error = '<Type>Sender</Type><Code>RuleSetDoesNotExist</Code><Message>none</Message>'
  return { status: 400, xml: `<ErrorResponse><Error>${error}</Error></ErrorResponse>` }
}

function ssm(parameters: Map<string, string>, target: string, { Name, Value }: { Name: string; Value?: string }) {
  if (target === 'AmazonSSM.PutParameter') {
    parameters.set(Name, Value ?? '')
    return { status: 200, json: { Version: 1 } }
  }
  const stored = parameters.get(Name)
  if (stored === undefined) return { status: 400, json: { __type: 'ParameterNotFound' } }
  return { status: 200, json: { Parameter: { Name, Value: stored, Type: 'String', Version: 1 } } }
}
