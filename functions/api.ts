/** The part of an API Gateway HTTP API event (payload format 2.0) that is read here. */
type Event = { readonly rawPath: string; readonly requestContext: { readonly http: { readonly method: string } } }
type Answer = { readonly statusCode: number; readonly headers: Record<string, string>; readonly body: string }

/** GET /health answers 200; what is not there is refused in wire form. */
export async function handler({ rawPath, requestContext: { http } }: Event): Promise<Answer> {
  if (http.method === 'GET' && rawPath === '/health') return json(200, { status: 'ok' })
  return json(404, { statusCode: 404, name: 'not_found', message: 'The requested endpoint does not exist.' })
}

function json(statusCode: number, body: object): Answer {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
