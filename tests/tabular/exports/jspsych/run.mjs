// Node, with jspsych and its plugins beside it: npm install (see README.md), node run.mjs
import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { JSDOM } from "jsdom";

const plugins = ["html-button-response", "html-keyboard-response", "survey-likert", "survey-multi-choice"];
const script = (path) => readFileSync(`node_modules/${path}/dist/index.browser.min.js`, "utf8");
const expected = [];
mkdirSync("out", { recursive: true });
let wide = null;
const lines = [];

for (let person = 1; person <= 6; person++) {
  const dom = new JSDOM("<!doctype html><body></body>", { runScripts: "outside-only", pretendToBeVisual: true, url: "http://localhost/" });
  const w = dom.window;
  w.AudioContext = undefined;
  w.eval(script("jspsych"));
  for (const name of plugins) w.eval(script(`@jspsych/plugin-${name}`));
  const frame = person % 2 ? "gain" : "loss";
  const code = `s${100 + person}`;
  const js = w.initJsPsych();
  js.data.addProperties({ subject: code, frame });
  const timeline = [
    { type: w.jsPsychHtmlKeyboardResponse, stimulus: "<p>Welcome.</p>", choices: [" "], data: { task: "welcome" },
      simulation_options: { data: { response: " ", rt: 800 + person } } },
  ];
  for (let round = 1; round <= 4; round++) {
    const safe = 10 * round;
    const choice = (person + round) % 3 === 0 ? 1 : 0; // 0: the sure amount, 1: the gamble
    timeline.push({
      type: w.jsPsychHtmlButtonResponse,
      stimulus: `<p>You can ${frame === "gain" ? "win" : "lose"} ${safe} for sure, or 100 with a chance of one half.</p>`,
      choices: [`${safe} for sure`, "the gamble"],
      data: { task: "choice", round, safe },
      simulation_options: { data: { response: choice, rt: 1000.5 + 10 * round } },
    });
    expected.push({ participant: code, round, condition: frame, outcome: choice });
  }
  timeline.push(
    { type: w.jsPsychSurveyMultiChoice, data: { task: "again" },
      questions: [{ prompt: "Would you do it again?", name: "again", options: ["yes", "no"] }, { prompt: "Do you study?", name: "student", options: ["yes", "no"] }],
      simulation_options: { data: { response: { again: person % 3 ? "yes" : "no", student: person % 2 ? "no" : "yes" }, rt: 2000 } } },
    { type: w.jsPsychSurveyLikert, data: { task: "mood" },
      questions: [{ prompt: "I felt “at ease”, mostly.", name: "ease", labels: ["no", "partly", "yes"] }],
      simulation_options: { data: { response: { ease: person % 3 }, rt: 1500 } } },
  );
  await js.simulate(timeline, "data-only");
  writeFileSync(`out/${code}.json`, js.data.get().json());
  writeFileSync(`out/${code}.csv`, js.data.get().csv());
  lines.push(js.data.get().json());
}
writeFileSync("out/all.txt", lines.join("\n") + "\n"); // as servers join results: an array a line
writeFileSync("out/decisions.json", JSON.stringify(expected));
