// The two ways to the server: what happens comes in as a stream, what the person does goes out as JSON.

export async function start() {
  return (await fetch("/api/start")).json();
}

/** Do something; true when the bot's app took it. */
export async function act(what, body) {
  try {
    const answer = await fetch(`/api/do/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return await answer.json();
  } catch {
    return { ok: false, error: "unreachable" };
  }
}

/** Everything that `user` sees, now and whenever it changes. Returns a function that hangs up. */
export function listen(user, hear, lost) {
  const source = new EventSource(`/api/events?user=${encodeURIComponent(user)}`);
  source.onmessage = (event) => hear(JSON.parse(event.data));
  source.onopen = () => lost(false);
  source.onerror = () => lost(true);
  return () => source.close();
}
