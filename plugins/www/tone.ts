/**
 * The site's one ornament: the dial tone of the North American telephone network, 350 Hz and 440 Hz at equal level,
 * drawn from its formula. Pure: the same sizes give the same path.
 */

interface ToneSize {
  width: number;
  height: number;
  seconds: number;
  step?: number | undefined;
}

/** An SVG path of `seconds` of the tone across `width`, swinging `height` around its middle. */
export function tonePath({ width, height, seconds, step = 2 }: ToneSize): string {
  const points: string[] = [];
  for (let x = 0; x <= width; x += step) {
    const t = (x / width) * seconds;
    const level = (Math.sin(2 * Math.PI * 350 * t) + Math.sin(2 * Math.PI * 440 * t)) / 2;
    points.push(`${x} ${(height / 2 - (level * height) / 2).toFixed(1)}`);
  }
  return `M${points.join("L")}`;
}

/** The tone as a decoration that fills its box. 1/22.5 s holds four of its beats. */
export function renderTone(): string {
  const [width, height] = [1200, 64];
  return `<div class="tone" aria-hidden="true"><svg viewBox="0 -2 ${width} ${height + 4}" preserveAspectRatio="none" focusable="false"><path d="${tonePath({ width, height, seconds: 1 / 22.5 })}" pathLength="1" vector-effect="non-scaling-stroke"/></svg></div>`;
}
