// The result as a table for people (Markdown) and for programs (JSON).

const MAX_CELL = 160;

/** Writes the rows as a Markdown table. */
export function markdown(rows) {
  const head = ['source', 'what is sent', 'expected', 'Chromium', 'ffprobe', 'strict', 'said', 'differs'];
  const body = rows.map((row) =>
    [
      row.name,
      row.about,
      wanted(row.expected),
      seen(row.facts),
      probed(row.facts),
      strictly(row.facts),
      said(row.facts),
      differs(row),
    ].map(cell),
  );
  return [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cell(text) {
  const flat = text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  return flat.length > MAX_CELL ? `${flat.slice(0, MAX_CELL)}…` : flat;
}

function differs({ failures, found }) {
  if (found !== undefined && failures.length === 0) {
    return `as it should: ${found}`;
  }
  return failures.length === 0 ? 'nothing' : failures.join('; ');
}

function wanted({ either, refused, video, audio, said: words }) {
  if (either !== undefined) {
    return either.map(wanted).join(' or ');
  }
  if (refused !== undefined) {
    return `refused, saying ${refused}`;
  }
  const picture = video && `video ${video.shape.join(':')}${video.grey ? ' grey' : ''}`;
  const tone = audio && `${audio.hz} Hz`;
  return [picture, tone, words && `said ${words}`].filter(Boolean).join(', ');
}

function seen({ plays, first, levels, errors }) {
  if (!plays) {
    return first === undefined && errors.length === 0 ? '–' : `does not play ${errors[0] ?? ''}`;
  }
  return (levels.length > 0 ? levels : [first])
    .map(({ width, height, hz, level }) =>
      `${level ?? ''} ${width}x${height}${hz === null ? ' silent' : ` ${Math.round(hz)} Hz`}`.trim(),
    )
    .join('; ');
}

function probed({ variants }) {
  return variants
    .map(({ video, audio }) => [picture(video), sound(audio)].filter(Boolean).join(' + ') || 'nothing')
    .join('; ');
}

function picture(video) {
  if (video === undefined) {
    return undefined;
  }
  const { codec_name: codec, pix_fmt: format, width, height, sample_aspect_ratio: shape, field_order: order } = video;
  const extras = [
    ['1:1', undefined].includes(shape) ? '' : `samples ${shape}`,
    ['progressive', 'unknown', undefined].includes(order) ? '' : order,
    video.color_transfer ?? 'no colours',
  ];
  return [codec, format, `${width}x${height}`, ...extras].filter(Boolean).join(' ');
}

function sound(audio) {
  return audio && `${audio.codec_name} ${audio.channels} ch ${audio.sample_rate}`;
}

function strictly({ strict }) {
  return strict.length === 0 ? 'good' : strict[0];
}

function said({ told = [], warnings = [] }) {
  const usual = ['NetStream.Publish.Start', 'NetStream.Unpublish.Success'];
  const words = told
    .filter(({ code }) => !usual.includes(code))
    .map(({ code, description }) => `${code} ${description}`);
  return [...words, ...new Set(warnings)].join('; ') || '–';
}
