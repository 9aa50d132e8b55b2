//! The source as it is: tau-bench's historical trajectories, read into conversations whose calls are paired
//! with their results.
//!
//! Shape (`historical_trajectories/gpt-4o-airline.json`): a list of `{task_id, trial, info: {task: {user_id}},
//! traj}`; `traj` is the list of messages. Call ids repeat between conversations and inside them, so a call and
//! its result belong together by conversation and position: the results follow the message with the calls at
//! once, in the order of the calls. Ids and names are checked on top.

use serde::Deserialize;

/// One conversation between a simulated customer and the agent.
#[derive(Debug, Deserialize)]
pub(crate) struct Conversation {
    /// Number of the benchmark's task.
    pub(crate) task_id: u64,
    /// Number of the run over all tasks.
    pub(crate) trial: u64,
    info: Info,
    /// The messages, the airline's policy first.
    #[serde(rename = "traj")]
    pub(crate) messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
struct Info {
    task: Task,
}

#[derive(Debug, Deserialize)]
struct Task {
    user_id: String,
}

/// One message; what it holds depends on the role.
#[derive(Debug, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(crate) enum Message {
    /// The airline's policy.
    System { content: String },
    /// The customer.
    User { content: String },
    /// The agent: words, calls, or both.
    Assistant {
        content: Option<String>,
        #[serde(default)]
        tool_calls: Vec<ToolCall>,
    },
    /// What a tool gave back.
    Tool { tool_call_id: String, name: String, content: String },
}

/// A call as the agent sent it.
#[derive(Debug, Deserialize)]
pub(crate) struct ToolCall {
    /// The model's id for the call: not unique.
    pub(crate) id: String,
    /// Which tool, with what.
    pub(crate) function: Function,
}

/// A tool's name and its arguments.
#[derive(Debug, Deserialize)]
pub(crate) struct Function {
    /// The tool.
    pub(crate) name: String,
    /// JSON, exactly as the model wrote it.
    pub(crate) arguments: String,
}

/// A call with its result.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    /// The call.
    pub(crate) call: &'a ToolCall,
    /// Position of the message with the call.
    pub(crate) call_at: usize,
    /// What the tool gave back, exactly.
    pub(crate) result: &'a str,
    /// Position of the message with the result.
    pub(crate) result_at: usize,
    /// Position and text of the customer's last message before the call.
    pub(crate) user: Option<(usize, &'a str)>,
}

/// Why a conversation cannot be converted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PairingError {
    /// No message holds the result of a call.
    #[error("message {call_at}: the call of {tool} has no result in message {wanted_at}")]
    Unanswered { call_at: usize, wanted_at: usize, tool: String },
    /// The message in the result's place answers another call.
    #[error(
        "message {call_at}: the call of {tool} is followed by the result of another call in message {found_at}"
    )]
    Mismatched { call_at: usize, found_at: usize, tool: String },
    /// More results than calls.
    #[error("message {at}: a result without a call before it")]
    Stray { at: usize },
}

impl Conversation {
    /// The customer as the benchmark's task names it.
    pub(crate) fn user_id(&self) -> &str {
        &self.info.task.user_id
    }

    /// The calls in order, each with its result.
    pub(crate) fn exchanges(&self) -> Result<Vec<Exchange<'_>>, PairingError> {
        let mut exchanges = Vec::new();
        let (mut user, mut results_end) = (None, 0);
        for (at, message) in self.messages.iter().enumerate() {
            match message {
                Message::User { content } => user = Some((at, content.as_str())),
                Message::Assistant { tool_calls, .. } => {
                    results_end = at + 1 + tool_calls.len();
                    for (call, result_at) in tool_calls.iter().zip(at + 1..) {
                        let result = self.result_of(call, at, result_at)?;
                        exchanges.push(Exchange { call, call_at: at, result, result_at, user });
                    }
                }
                Message::Tool { .. } if at >= results_end => return Err(PairingError::Stray { at }),
                Message::Tool { .. } | Message::System { .. } => {}
            }
        }
        Ok(exchanges)
    }

    fn result_of(&self, call: &ToolCall, call_at: usize, result_at: usize) -> Result<&str, PairingError> {
        let tool = || call.function.name.clone();
        match self.messages.get(result_at) {
            Some(Message::Tool { tool_call_id, name, content }) => {
                if *tool_call_id == call.id && *name == call.function.name {
                    Ok(content)
                } else {
                    Err(PairingError::Mismatched { call_at, found_at: result_at, tool: tool() })
                }
            }
            _ => Err(PairingError::Unanswered { call_at, wanted_at: result_at, tool: tool() }),
        }
    }
}

impl Message {
    /// The words of the message; none in a message that only calls.
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::System { content } | Self::User { content } | Self::Tool { content, .. } => content,
            Self::Assistant { content, .. } => content.as_deref().unwrap_or_default(),
        }
    }
}
