// What our server's answers say, for whoever has only its address.

/** What a stranger's page needs to know of a video whose embed page is known: its master playlist and the player's script. */
export async function parts(embed) {
  const page = await text(embed);
  const absolute = (pattern) => new URL(pattern.exec(page)[1].replaceAll("&amp;", "&"), embed).href;
  return { master: absolute(/src="([^"]+\.m3u8)"/), script: absolute(/<script[^>]+src="([^"]*player\.js[^"]*)"/) };
}

/** The body of an answer that must be a 200. */
export async function text(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return answer.text();
}
