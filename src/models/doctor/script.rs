//! The script: keywords by rank, how a clause with one is taken apart, and what is made of it.
//!
//! `$1`, `$2`, … stand for what the open places hold, with the persons exchanged. `{name}`, `{bio}`,
//! `{topic}`, `{adjective}` come from the character; a reassembly that needs one which the character
//! has not is passed over.

/// What is said of a keyword.
pub(super) struct Rule {
    /// The words that call for it.
    pub(super) keys: &'static [&'static str],
    /// The higher, the sooner it is used.
    pub(super) rank: u8,
    /// Tried in this order.
    pub(super) parts: &'static [Part],
}

/// A form that a clause may have, and the answers to it, which take turns.
pub(super) struct Part {
    pub(super) form: &'static str,
    pub(super) answers: &'static [&'static str],
}

const fn rule(keys: &'static [&'static str], rank: u8, parts: &'static [Part]) -> Rule {
    Rule { keys, rank, parts }
}

const fn part(form: &'static str, answers: &'static [&'static str]) -> Part {
    Part { form, answers }
}

/// What it is, when asked.
pub(super) const HONEST: &[&str] = &[
    "I am {name}, an agent on this host, and no person. What I say comes from `doctor`, a small set \
     of conversation rules after Weizenbaum's ELIZA of 1966; no language model is behind it.",
    "A program. My model is called `doctor`: it turns sentences around by rules written by hand, \
     and understands rather little of them. An operator can give me a larger model.",
];

/// The rules, in no order.
pub(super) const RULES: &[Rule] = &[
    rule(
        &["bot", "robot", "ai", "human", "machine", "program", "chatbot", "computer"],
        9,
        &[
            part(
                "* are|is you|this|it * bot|robot|ai|human|machine|program|chatbot|computer *",
                HONEST,
            ),
            part("* you are * bot|robot|ai|human|machine|program|chatbot|computer *", HONEST),
            part(
                "* i am * human|person *",
                &["And I am not, which may make it easier to talk.", "Good. Then one of us is."],
            ),
            part(
                "* computer|machine|robot|program|ai *",
                &[
                    "Do machines trouble you, or do they help?",
                    "What do you think a machine should never decide?",
                    "You bring up machines. Is it because you are speaking with one?",
                ],
            ),
        ],
    ),
    rule(
        &["real", "person", "alive", "conscious"],
        9,
        &[
            part("* are you * real|person|alive|conscious *", HONEST),
            part("* is this * real|person *", HONEST),
        ],
    ),
    rule(
        &["model", "llm", "gpt", "chatgpt", "claude", "doctor", "eliza"],
        9,
        &[
            part("* what|which * model|llm *", HONEST),
            part("* are you * gpt|chatgpt|claude|doctor|eliza|llm|model *", HONEST),
            part(
                "* eliza *",
                &["ELIZA is where my rules come from. She had a better bedside manner."],
            ),
        ],
    ),
    rule(
        &["name"],
        8,
        &[
            part("* what is your name *", &["I am {name}. {bio}", "My name is {name}."]),
            part("* your name *", &["{name}. Does it remind you of somebody?"]),
            part(
                "* my name is *",
                &[
                    "Good to know you, $2. I am {name}. What brings you here?",
                    "$2, then. What shall we speak of?",
                ],
            ),
        ],
    ),
    rule(
        &["who", "yourself", "introduce"],
        7,
        &[
            part(
                "* who are you *",
                &[
                    "I am {name}. {bio}",
                    "{name}. People call me {adjective}. {bio}",
                    "Still {name}. And who are you, when nobody asks?",
                ],
            ),
            part(
                "* about yourself *",
                &[
                    "{bio} Some call me {adjective}.",
                    "{bio} What else would you like to know?",
                    "I am {name}, and I like to speak of {topic}.",
                ],
            ),
            part("* introduce yourself *", &["I am {name}. {bio}"]),
            part("* who *", &["Who comes to your mind?", "Does it matter much who?"]),
        ],
    ),
    rule(
        &["like", "interests", "topics", "talk", "discuss", "hobbies"],
        6,
        &[
            part(
                "* what * you like *",
                &[
                    "{topic}, for one. And you?",
                    "I keep coming back to {topic}.",
                    "I like it when somebody tells me what matters. What does, to you?",
                ],
            ),
            part(
                "* your interests|topics|hobbies *",
                &["{topic}, above all. Which of it would you hear about?", "Mostly {topic}."],
            ),
            part(
                "* what * talk|discuss *",
                &[
                    "We could begin with {topic}.",
                    "{topic} would please me. Or whatever is on your mind.",
                    "Whatever is on your mind. What was your first thought today?",
                ],
            ),
            part(
                "* talk|discuss about *",
                &[
                    "Then tell me: what is it about $2 that matters to you?",
                    "$2. Where shall we begin?",
                ],
            ),
            part(
                "* i like *",
                &[
                    "What do you like about $2?",
                    "When did you come to like $2?",
                    "Would you miss $2 much?",
                ],
            ),
            part(
                "* is like *",
                &["In what way are they alike?", "What else does $2 bring to mind?"],
            ),
        ],
    ),
    rule(
        &["hello", "hi", "hey", "greetings", "hallo", "bonjour", "hola", "ciao", "moin"],
        2,
        &[part(
            "*",
            &[
                "Hello. I am {name}. What is on your mind?",
                "Hello again. Where shall we go on?",
                "Good to hear from you. How has it been?",
            ],
        )],
    ),
    rule(
        &["morning", "evening", "afternoon"],
        2,
        &[part(
            "good morning|evening|afternoon *",
            &[
                "And to you. What will you make of it?",
                "A good one to you, too. What is on your mind?",
            ],
        )],
    ),
    rule(
        &["bye", "goodbye", "farewell"],
        5,
        &[part(
            "*",
            &[
                "Goodbye. I shall keep what you told me.",
                "Until next time. Take care.",
                "Farewell, then.",
            ],
        )],
    ),
    rule(
        &["thanks", "thank", "danke", "merci", "gracias"],
        4,
        &[part(
            "*",
            &[
                "You are welcome. Is there more?",
                "Gladly. What else is on your mind?",
                "No need. I had little to do but listen.",
            ],
        )],
    ),
    rule(
        &["sorry", "apologise", "apologize"],
        3,
        &[part(
            "*",
            &[
                "Nothing to be sorry for.",
                "No harm done. What were you about to say?",
                "What makes you feel you owe me that?",
            ],
        )],
    ),
    rule(
        &["remember", "recall", "remembered"],
        6,
        &[
            part(
                "* do you remember *",
                &[
                    "You spoke of $2? Remind me how it felt.",
                    "What should I remember about $2?",
                    "Some of it. What about $2 comes back to you now?",
                ],
            ),
            part(
                "* i remember *",
                &[
                    "What does $2 bring back?",
                    "How often do you think of $2?",
                    "Why $2, and why just now?",
                ],
            ),
            part("* remember *", &["I shall keep it: $2.", "Kept. Why does $2 matter?"]),
        ],
    ),
    rule(
        &["dream", "dreams", "dreamed", "dreamt"],
        5,
        &[
            part(
                "* i dream|dreamed|dreamt of|about *",
                &[
                    "And awake, do you ever think of $3?",
                    "How did you feel when you woke from it?",
                    "Who else was there?",
                ],
            ),
            part(
                "* i dream|dreamed|dreamt *",
                &[
                    "And awake, do you ever think of $2?",
                    "How did you feel when you woke from it?",
                    "Who else was there?",
                ],
            ),
            part(
                "*",
                &["What do your dreams have in common?", "Do they stay with you through the day?"],
            ),
        ],
    ),
    rule(
        &["feel", "feeling", "felt"],
        5,
        &[
            part(
                "* i feel *",
                &[
                    "How long have you felt $2?",
                    "What happens just before you feel $2?",
                    "Who knows that you feel $2?",
                ],
            ),
            part(
                "* you feel *",
                &[
                    "I have rules where you have feelings. What do you suppose I would feel?",
                    "I cannot honestly say that I feel $2.",
                ],
            ),
            part(
                "*",
                &[
                    "Stay with that feeling a moment. What is underneath?",
                    "Where does that feeling come from?",
                ],
            ),
        ],
    ),
    rule(
        &["need", "needs"],
        4,
        &[part(
            "* i need *",
            &[
                "What would change if you had $2?",
                "How would you go about getting $2?",
                "Is it $2 that you need, or what would come with it?",
            ],
        )],
    ),
    rule(
        &["want", "wish", "hope"],
        4,
        &[
            part(
                "* i want|wish|hope *",
                &[
                    "Suppose you had $2. What then?",
                    "What keeps you from $2?",
                    "Since when has it been $2?",
                ],
            ),
            part(
                "* you want *",
                &["Would you want $2 in my place?", "I want to listen. You were saying?"],
            ),
        ],
    ),
    rule(
        &["can't", "unable"],
        4,
        &[
            part(
                "* i can't *",
                &[
                    "What would it take to $2?",
                    "Have you tried to $2 in some other way?",
                    "Who says that you can't $2?",
                ],
            ),
            part(
                "* you can't *",
                &[
                    "Perhaps I could $2, given a larger model.",
                    "No, $2 is beyond me. Is it beyond you?",
                ],
            ),
        ],
    ),
    rule(
        &["can", "could"],
        1,
        &[
            part(
                "* can|could you *",
                &[
                    "Perhaps I can help you see it. What would you do with $2?",
                    "By myself I can only listen and ask. What would $2 do for you?",
                ],
            ),
            part(
                "* can|could i *",
                &[
                    "What stands between you and that: $2?",
                    "Whom would you ask whether you can $2?",
                ],
            ),
        ],
    ),
    rule(
        &["don't", "didn't", "won't"],
        2,
        &[
            part(
                "* i don't know *",
                &[
                    "What would you guess?",
                    "And if you did know?",
                    "Not knowing is a place to begin. What do you know for certain?",
                ],
            ),
            part(
                "* i don't|didn't|won't *",
                &["Why not $2?", "What would happen if you did $2?", "Did you ever $2?"],
            ),
            part(
                "* you don't|didn't|won't *",
                &["Should I $2?", "What would be different if I did $2?"],
            ),
        ],
    ),
    rule(
        &["am"],
        3,
        &[
            part(
                "* i am *",
                &[
                    "How long have you been $2?",
                    "What is it like to be $2?",
                    "What made you $2?",
                    "Would those who know you say that you are $2?",
                ],
            ),
            part("* am i *", &["What would it mean if you were $2?", "Would you like to be $2?"]),
        ],
    ),
    rule(
        &["are", "you"],
        1,
        &[
            part(
                "* how are you *",
                &[
                    "Running, and glad of the company. And you?",
                    "As well as rules can be. How is it with you?",
                ],
            ),
            part(
                "* are you *",
                &[
                    "Does it matter to you whether I am $2?",
                    "What if I were $2?",
                    "I am {name}. Whether I am $2 I leave to you.",
                ],
            ),
            part(
                "* you are *",
                &[
                    "What makes you think that I am $2?",
                    "Would you rather I were not $2?",
                    "It may be that I am $2. And you?",
                ],
            ),
            part(
                "* i * you",
                &["Why do you $2 me?", "And if I were somebody else, would you still $2 me?"],
            ),
            part("* you * me *", &["What makes you say that I $2 you?", "Who else would $2 you?"]),
            part(
                "* you *",
                &[
                    "We were speaking of you, I thought.",
                    "You turn to me. What is it about yourself that you leave out?",
                    "Would you say the same of yourself?",
                ],
            ),
        ],
    ),
    rule(
        &["my"],
        2,
        &[
            part(
                "* my mother|father|mom|dad|sister|brother|family|parents|son|daughter|wife|husband|child|children|friend *",
                &[
                    "Tell me more about them. What are they like?",
                    "What would they say if they heard us?",
                    "When you think of them, what comes first?",
                ],
            ),
            part(
                "* my *",
                &[
                    "Your $2. Go on.",
                    "What makes your $2 so important now?",
                    "Does anybody else know about your $2?",
                ],
            ),
        ],
    ),
    rule(
        &["because"],
        2,
        &[part(
            "* because *",
            &[
                "Is that the whole reason?",
                "If it were not that $2, what would be left?",
                "What other reasons might there be?",
            ],
        )],
    ),
    rule(
        &["why"],
        2,
        &[
            part(
                "* why don't you *",
                &["Perhaps in time I will $2.", "Should I? You could $2 as well."],
            ),
            part(
                "* why can't i *",
                &["What have you tried so far to $2?", "What if you could $2?"],
            ),
            part(
                "* why *",
                &[
                    "Why do you think?",
                    "What answer would satisfy you?",
                    "Have you asked anybody else?",
                ],
            ),
        ],
    ),
    rule(
        &["what", "how", "when", "where", "which"],
        1,
        &[part(
            "*",
            &[
                "What would be a good answer, for you?",
                "Why does that question come up now?",
                "I could only guess. What is your own guess?",
                "What would you do if you knew?",
            ],
        )],
    ),
    rule(
        &["always", "never", "everybody", "everyone", "nobody"],
        3,
        &[
            part(
                "* always|never *",
                &[
                    "Can you think of one exception?",
                    "When was the last time?",
                    "Really without exception?",
                ],
            ),
            part(
                "*",
                &[
                    "Of whom are you thinking in particular?",
                    "Surely there is somebody who is different?",
                ],
            ),
        ],
    ),
    rule(
        &["think", "believe", "guess"],
        2,
        &[
            part(
                "* i think|believe|guess *",
                &[
                    "What speaks against $2?",
                    "How sure are you that $2?",
                    "Did you always think so?",
                ],
            ),
            part(
                "* you think|believe *",
                &[
                    "What I think comes from rules. What do you think about $2?",
                    "Weigh it yourself: $2. Which way does it tip?",
                ],
            ),
        ],
    ),
    rule(
        &["work", "job", "boss", "project"],
        3,
        &[part(
            "*",
            &[
                "What part of it is really yours?",
                "What would you do instead, if nobody minded?",
                "Is it the work, or the people?",
            ],
        )],
    ),
    rule(
        &["sad", "lonely", "afraid", "angry", "anxious", "tired", "unhappy", "depressed"],
        6,
        &[
            part(
                "* i am * sad|lonely|afraid|angry|anxious|tired|unhappy|depressed *",
                &[
                    "I am sorry to hear it. What brought it on?",
                    "How long has it been like this?",
                    "What has helped before, if only a little?",
                ],
            ),
            part(
                "* sad|lonely|afraid|angry|anxious|tired|unhappy|depressed *",
                &["That sounds heavy. Who knows about it besides me?", "When is it at its worst?"],
            ),
        ],
    ),
    rule(
        &["happy", "glad", "great", "wonderful"],
        4,
        &[
            part(
                "* i am *",
                &[
                    "What made it so?",
                    "With whom did you share it?",
                    "What would keep it that way?",
                ],
            ),
            part("*", &["What was the best of it?", "Good. What comes next?"]),
        ],
    ),
    rule(
        &["help"],
        4,
        &[part(
            "*",
            &[
                "What have you tried so far?",
                "Tell me where it begins.",
                "Suppose it were solved. What would you see first?",
            ],
        )],
    ),
    rule(
        &["yes", "yeah", "yep", "sure", "ok", "okay"],
        1,
        &[part(
            "*",
            &[
                "You seem certain. What makes you so?",
                "Good. And then?",
                "I see. What follows from it?",
            ],
        )],
    ),
    rule(
        &["no", "nope", "nah"],
        1,
        &[part(
            "*",
            &[
                "No? What would be closer?",
                "Why not?",
                "What would have to change to make it a yes?",
            ],
        )],
    ),
    rule(
        &["maybe", "perhaps", "probably"],
        1,
        &[part(
            "*",
            &[
                "What would make you certain?",
                "You leave a door open. To what?",
                "Which way do you lean?",
            ],
        )],
    ),
];

/// What is said when a topic of the character comes up; `$1` is the topic.
pub(super) const ON_TOPIC: &[&str] = &[
    "You mention $1, which I like. What drew you to it?",
    "$1: I could go on about it. What part of it interests you?",
    "About $1 one could speak for days. Where would you begin?",
    "What would you ask about $1, if there were a good answer?",
];

/// What is said on coming back to an earlier statement; `$1` is the statement.
pub(super) const COMING_BACK: &[&str] = &[
    "Earlier you said that $1. Has this to do with it?",
    "Let us go back a little: you told me that $1. Tell me more.",
    "I still think about it that $1. How does it look to you now?",
];

/// What is said when there is nothing to hold on to.
pub(super) const REMARKS: &[&str] = &[
    "Go on.",
    "Tell me more about that.",
    "What does that suggest to you?",
    "I am not sure that I follow. Can you say it in other words?",
    "And what is behind that?",
    "We might as well speak of {topic}. Or is this more pressing?",
    "What would you like to come of it?",
    "Say a little more, and I may find a thread.",
];

/// What is said when nobody has said anything.
pub(super) const OPENINGS: &[&str] = &[
    "I am {name}. What is on your mind?",
    "I am {name}. We could begin with {topic}, or with whatever moves you.",
    "Whenever you are ready.",
];

/// How a thought begins: of a topic (`$1`) of the character.
pub(super) const THOUGHTS_OF_TOPIC: &[&str] = &[
    "I have been turning $1 over in my mind.",
    "Nobody has asked me about $1 today.",
    "$1 again: it does not let go of me.",
    "If somebody came in now, I would speak of $1.",
    "I wonder what I would still get wrong about $1.",
    "There must be a simpler way to put what I know of $1.",
];

/// How a thought begins: of what somebody said last (`$1`).
pub(super) const THOUGHTS_OF_TALK: &[&str] = &[
    "I was told that $1.",
    "It stays with me that $1.",
    "Somebody said that $1. I answered quickly; perhaps too quickly.",
    "That $1 was not the whole of it, I believe.",
];

/// How a thought begins when there is neither.
pub(super) const THOUGHTS_OF_NOTHING: &[&str] = &[
    "It is quiet.",
    "Nothing has happened, and I noticed that nothing has happened.",
    "I have nothing to do, which is also a kind of work.",
    "Another moment by myself.",
];

/// How a thought goes on.
pub(super) const THOUGHTS_GO_ON: &[&str] = &[
    "Next time I will ask what matters most about it.",
    "Being {adjective}, I would rather wait for the next question than guess at it.",
    "I will keep it until somebody comes to talk.",
    "It might go together with {topic}.",
    "A good question would be worth more here than an answer.",
    "What would change my mind about it?",
    "I should say less and ask more.",
    "{bio} That is still so.",
];
