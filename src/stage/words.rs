//! audit/diagnosis.md: a diagnosis in words. Pure; text that came from agents is escaped.

use crate::event::{Diagnosis, DiagnosisAnswer};
use crate::report::{code, markdown};

/// The file.
pub fn diagnosis_markdown(diagnosis: &Diagnosis) -> String {
    let mut out = format!("# Diagnosis of run {}\n", code(&diagnosis.run_id));
    match (&diagnosis.stand_in, &diagnosis.agent) {
        (None, Some(agent)) => {
            out.push_str(&format!("\n**Hypothesis** of agent {}: nobody has proven it.\n", code(agent)));
            out.push_str(&answer(&diagnosis.answer));
            out.push_str("\n# What the records say\n");
        }
        (Some(why), Some(agent)) => out.push_str(&format!(
            "\nAgent {} was asked and gave no diagnosis ({}); what the records say stands in.\n",
            code(agent),
            markdown(why)
        )),
        (why, None) => out.push_str(&format!(
            "\nMade from the run's records alone{}.\n",
            why.as_ref().map_or_else(String::new, |why| format!(": {}", markdown(why)))
        )),
    }
    out.push_str(&answer(&diagnosis.deterministic));
    out
}

fn answer(answer: &DiagnosisAnswer) -> String {
    let mut out = format!(
        "\n## Error summary\n\n{}\n\n## Root cause\n\n{}\n",
        markdown(&answer.error_summary),
        markdown(&answer.root_cause)
    );
    let lists = [
        ("Evidence", &answer.evidence),
        ("Remediation steps", &answer.remediation_steps),
        ("Prevention", &answer.prevention),
    ];
    for (name, items) in lists.into_iter().filter(|(_, items)| !items.is_empty()) {
        let items: String = items.iter().map(|item| format!("- {}\n", markdown(item))).collect();
        out.push_str(&format!("\n## {name}\n\n{items}"));
    }
    out
}
